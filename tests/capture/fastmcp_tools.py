"""FastMCP: client and server in one process, a tool called well and a tool that fails."""
import asyncio

from scenario import about, tell, tracing, weather

about("fastmcp", "mcp", "fastmcp", "mcp")
provider = tracing("fx-fastmcp")

from fastmcp import Client, FastMCP  # noqa: E402

server = FastMCP("weather_server")


@server.tool
def get_weather(city: str) -> str:
    """Get the weather for a city"""
    return weather(city)


@server.tool
def fail() -> str:
    """Always fails"""
    raise ValueError("no such city 🚦")


async def main():
    async with Client(server) as client:
        await client.list_tools()
        await client.call_tool("get_weather", {"city": "東京"})
        await client.call_tool("fail", {}, raise_on_error=False)
        tell(exception_type="ValueError", exception_message="no such city 🚦")


asyncio.run(main())
provider.shutdown()
