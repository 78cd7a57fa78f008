// Sounds of messages, played by Web Audio: they are decoded here, so that the page's policy needs
// no media from anywhere, and samples without a header are played too.

import {h, icon, saveFile} from "./dom.js";

const RATE = 24000; // of samples that don't tell: what realtime APIs send
let context = null;
let stopOther = () => {};

const bytesOf = ({data, load}) => load ? load() : Uint8Array.from(atob(data.replace(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));

/** 16-bit samples, low byte first, one channel. */
function samples(bytes, rate) {
  const view = new DataView(bytes.buffer);
  const length = Math.floor(bytes.length / 2);
  const buffer = context.createBuffer(1, Math.max(1, length), rate);
  const out = buffer.getChannelData(0);
  for (let i = 0; i < length; i++) out[i] = view.getInt16(2 * i, true) / 32768;
  return buffer;
}

/** {data: base64, or load: what gets the bytes; mime} as something to play. */
async function decode(sound) {
  const {mime} = sound;
  const bytes = await bytesOf(sound);
  context ??= new AudioContext();
  await context.resume();
  if (/l16|pcm/.test(mime) && !/wav/.test(mime)) return samples(bytes, Number(/rate=(\d{4,6})/.exec(mime)?.[1] ?? RATE));
  return context.decodeAudioData(bytes.buffer);
}

const clock = s => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

/** A player of `sound`; nothing is decoded before somebody wants to hear it. */
export function player(sound) {
  let buffer = null, source = null, began = 0, from = 0;
  const button = h("button.quiet.play", {type: "button", "aria-label": "Play the sound", onclick: () => source ? stop() : play()}, icon("right"), h("span", null, "play"));
  const place = h("input", {type: "range", min: 0, max: 1000, value: 0, disabled: true, "aria-label": "Position in the sound", oninput: () => seek()});
  const time = h("span.dim.num", {role: "status"}, sound.mime);

  const at = () => source ? Math.min(buffer.duration, from + context.currentTime - began) : from;
  function show() {
    place.value = buffer ? 1000 * at() / buffer.duration : 0;
    time.textContent = `${clock(at())} of ${clock(buffer.duration)}`;
    button.lastChild.textContent = source ? "stop" : "play";
    button.setAttribute("aria-label", source ? "Stop the sound" : "Play the sound");
    if (source && button.isConnected) requestAnimationFrame(show);
    else if (source) stop();
  }
  function stop() {
    from = at() >= buffer.duration ? 0 : at();
    source.onended = null;
    source.stop();
    source = null;
    show();
  }
  async function play() {
    try {
      buffer ??= await decode(sound);
    } catch (error) {
      time.textContent = error.status === 404 ? "no longer kept in media.directory" : error.status !== undefined ? error.message : `This browser can't play ${sound.mime || "this sound"}.`;
      return;
    }
    stopOther();
    stopOther = () => source && stop();
    source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.onended = () => { source = null; from = 0; show(); };
    began = context.currentTime;
    source.start(0, from);
    place.disabled = false;
    show();
  }
  function seek() {
    const again = source !== null;
    if (again) stop();
    from = buffer.duration * place.value / 1000;
    if (again) play();
    else show();
  }
  return h("div.sound", null, button, place, time,
    h("button.quiet", {type: "button", title: "Download the sound", onclick: async () => saveFile(`sound.${ending(sound.mime)}`, await bytesOf(sound), "application/octet-stream")}, icon("save"), h("span", null, "save")));
}

const ENDINGS = [[/wav/, "wav"], [/mpeg|mp3/, "mp3"], [/ogg|opus/, "ogg"], [/flac/, "flac"], [/mp4|aac|m4a/, "m4a"], [/webm/, "webm"], [/l16|pcm/, "pcm"]];
const ending = mime => ENDINGS.find(([form]) => form.test(mime))?.[1] ?? "bin";
