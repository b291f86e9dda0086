// Camera and microphone: asked for, chosen, switched; what is missing is said in plain words.

import { t } from "./shared/texts";

export interface Devices {
  stream: MediaStream;
  /** Sentences for the person, about what cannot be used and why. */
  problems: string[];
}

interface Choice {
  camera?: string;
  microphone?: string;
}

const CHOICE = "consult.devices";
const PICTURE = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Open what there is: both, or one of them, or nothing but words. */
export async function openDevices(choice: Choice = remembered()): Promise<Devices> {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  if (media === undefined) return { stream: new MediaStream(), problems: [t("consult.no_https")] };
  const audio = { ...SOUND, ...(choice.microphone ? { deviceId: choice.microphone } : {}) };
  const video = {
    ...PICTURE,
    ...(choice.camera ? { deviceId: choice.camera } : { facingMode: "user" }),
  };
  const both = await attempt(media, { audio, video });
  if (both instanceof MediaStream) return { stream: both, problems: [] };
  const sound = await attempt(media, { audio });
  const picture = await attempt(media, { video });
  const stream = new MediaStream();
  const problems: string[] = [];
  for (const [found, kind] of [
    [sound, "microphone"],
    [picture, "camera"],
  ] as const) {
    if (found instanceof MediaStream) found.getTracks().forEach((track) => stream.addTrack(track));
    else problems.push(t(`consult.${kind}_${reason(found)}`));
  }
  return { stream, problems };
}

async function attempt(
  media: MediaDevices,
  wanted: MediaStreamConstraints,
): Promise<MediaStream | string> {
  try {
    return await media.getUserMedia(wanted);
  } catch (error) {
    return error instanceof DOMException ? error.name : "NotReadableError";
  }
}

/** Media Capture and Streams §10.2: why there is no track. */
function reason(name: string): "missing" | "refused" | "busy" {
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return name === "NotAllowedError" || name === "SecurityError" ? "refused" : "busy";
}

/** Fill a list with the devices of a kind; a list of one or none is not shown. */
export async function listDevices(
  list: HTMLSelectElement,
  kind: "videoinput" | "audioinput",
  used: string | undefined,
): Promise<void> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const mine = devices.filter((device) => device.kind === kind && device.deviceId !== "");
  list.replaceChildren(
    ...mine.map((device, i) => {
      const name = device.label || t(`consult.${kind}`, { n: i + 1 });
      return new Option(name, device.deviceId, false, device.deviceId === used);
    }),
  );
  const field = list.closest<HTMLElement>(".field");
  if (field !== null) field.hidden = mine.length < 2;
}

export function remembered(): Choice {
  try {
    return JSON.parse(localStorage.getItem(CHOICE) ?? "{}") as Choice;
  } catch {
    return {};
  }
}

export function remember(choice: Choice): void {
  localStorage.setItem(CHOICE, JSON.stringify(choice));
}

/** Show how loud the microphone hears, ten times a second, until stopped. */
export function showLevel(stream: MediaStream, meter: HTMLMeterElement): () => void {
  if (stream.getAudioTracks().length === 0) return () => undefined;
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    meter.value = Math.min(1, Math.sqrt(power) * 4);
  }, 100);
  return () => {
    clearInterval(timer);
    if (context.state !== "closed") void context.close();
  };
}
