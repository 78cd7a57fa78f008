# Nomad: one gateway, its journal on a host volume named gateway-journal (owned by 65532 on the client).
#   nomad var put nomad/jobs/noveum-gateway api_key=nv_...; nomad job run deploy/cloud/nomad.hcl
job "noveum-gateway" {
  type = "service"

  group "gateway" {
    count = 1 # two would split traces

    network {
      port "http" { static = 4318 }
      port "grpc" { static = 4317 }
      port "admin" { static = 13133 }
    }

    volume "journal" {
      type   = "host"
      source = "gateway-journal"
    }

    service {
      name     = "noveum-gateway"
      port     = "http"
      provider = "nomad"
      check {
        type     = "http"
        port     = "admin"
        path     = "/readyz"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "gateway" {
      driver       = "docker"
      kill_signal  = "SIGTERM"
      kill_timeout = "30s" # above stop.deadline_ms

      config {
        image           = "noveum-gateway:0.2.0"
        ports           = ["http", "grpc", "admin"]
        readonly_rootfs = true
        cap_drop        = ["all"]
      }

      volume_mount {
        volume      = "journal"
        destination = "/var/lib/noveum-gateway"
      }

      env {
        NOVEUM_GATEWAY_JOURNAL_MAX_BYTES = "8GiB"
        NOVEUM_GATEWAY_LOG_FORMAT        = "json"
      }

      template {
        data        = "NOVEUM_API_KEY={{ with nomadVar \"nomad/jobs/noveum-gateway\" }}{{ .api_key }}{{ end }}"
        destination = "secrets/environment"
        env         = true
      }

      resources {
        cpu    = 200
        memory = 512
      }
    }
  }
}
