// Reads a text aloud where the phone has a voice of the page's language; the text is always shown.

import { locale } from "../shared/texts";

export function hasVoice(): boolean {
  return "speechSynthesis" in window && voice() !== undefined;
}

function voice(): SpeechSynthesisVoice | undefined {
  return speechSynthesis.getVoices().find((one) => one.lang.toLowerCase().startsWith(locale()));
}

/** Says the text now, in place of whatever is being said. */
export function speak(text: string): boolean {
  const found = "speechSynthesis" in window ? voice() : undefined;
  if (found === undefined) return false;
  const words = new SpeechSynthesisUtterance(text);
  words.voice = found;
  words.lang = found.lang;
  words.rate = 0.9;
  speechSynthesis.cancel();
  speechSynthesis.speak(words);
  return true;
}
