// Cuts what a device sends into frames and finds its feet again after garbage, by the rules of
// protocols/oximeters/stream.py: what is said must not depend on where the radio cut.

import { DecodeError, type Said } from "./said";

const MOST_GARBAGE = 64;

export abstract class StreamParser {
  private buffer: number[] = [];
  private passedOver: number[] = [];
  private said: Said[] = [];

  /** The length of the frame that `data` begins with; 0: more must come; negative: pass over. */
  protected abstract cut(data: readonly number[]): number;
  protected abstract decode(frame: readonly number[]): Said[];

  receive(data: Iterable<number>): Said[] {
    this.buffer.push(...data);
    while (this.buffer.length > 0) {
      const length = this.cut(this.buffer);
      if (length === 0) break;
      const piece = this.buffer.splice(0, Math.abs(length));
      if (length < 0) this.passOver(piece);
      else this.take(piece);
    }
    return this.events();
  }

  /** What was said and what is left over: the link is gone. */
  finish(): Said[] {
    this.letGo();
    if (this.buffer.length > 0) this.garbage(this.buffer.splice(0), "the rest of a frame");
    return this.events();
  }

  private take(frame: number[]): void {
    this.letGo();
    try {
      this.said.push(...this.decode(frame));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.garbage(frame, error.message);
    }
  }

  private events(): Said[] {
    return this.said.splice(0);
  }

  private passOver(piece: number[]): void {
    for (const octet of piece) {
      this.passedOver.push(octet);
      if (this.passedOver.length === MOST_GARBAGE) this.letGo();
    }
  }

  private letGo(): void {
    if (this.passedOver.length > 0) this.garbage(this.passedOver.splice(0), "not a frame");
  }

  private garbage(raw: number[], reason: string): void {
    this.said.push({ type: "garbage", raw: Uint8Array.from(raw), reason });
  }
}

/** Negative: how many bytes to pass over until a frame may begin again. */
export function nextStart(data: readonly number[], sync: number): number {
  const at = data.indexOf(sync, 1);
  return at < 0 ? -data.length : -at;
}
