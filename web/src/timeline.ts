// What lies where on the seek bar. Times are Unix milliseconds, places are shares of the bar's length.

import type { LogInfo } from './logs';
import type { VisionEvent } from './types';

const LEAST_HOLE_MS = 2000;
/** Longer than it takes to ask again. */
const MOST_UNKNOWN_MS = 8000;

export interface Window {
  begin: number;
  end: number;
}

export interface Piece {
  from: number;
  to: number;
}

/** Events so close that they are one mark. */
export interface Tick {
  at: number;
  kind: string;
  events: VisionEvent[];
}

export const place = (window: Window, time: number) => (time - window.begin) / (window.end - window.begin);
export const timeAt = (window: Window, at: number) => window.begin + Math.min(Math.max(at, 0), 1) * (window.end - window.begin);

/** Of so many ms (0: all there is) up to now; but with `shown` in it, wherever that is. */
export function windowOf(oldest: number, now: number, length: number, shown: number): Window {
  const all = Math.max(now - oldest, 1000);
  if (length === 0 || length >= all) return { begin: now - all, end: now };
  if (shown >= now - length) return { begin: now - length, end: now };
  // Pages, so that the bar stands still while the mark moves over it.
  const page = Math.floor((now - shown) / length);
  const end = Math.max(now - page * length, oldest + length);
  return { begin: end - length, end };
}

/** A camera that was there when the console was last asked is taken to be there still. */
function spansOf(info: LogInfo): Window[] {
  const spans = info.spans.map((span) => ({ begin: Date.parse(span.begin), end: Date.parse(span.end) }));
  const last = spans.at(-1);
  if (last && Date.parse(info.time) - last.end < LEAST_HOLE_MS) last.end += MOST_UNKNOWN_MS;
  return spans;
}

/** What is kept, cut to the window; nothing is thinner than `least`, so that it is seen. */
export function pieces(info: LogInfo, window: Window, least: number): Piece[] {
  return spansOf(info)
    .map(({ begin, end }) => ({ from: Math.max(place(window, begin), 0), to: Math.min(place(window, end), 1) }))
    .filter(({ from, to }) => to >= 0 && from <= 1 && to >= from)
    .map(({ from, to }) => ({ from, to: Math.max(to, Math.min(from + least, 1)) }));
}

/** Whether a frame is kept at this time, give or take the distance between frames. */
export function isKept(info: LogInfo, time: number): boolean {
  return spansOf(info).some(({ begin, end }) => time >= begin - 1000 && time <= end + 2000);
}

/** Marks of the window's events, at most one a kind in each `step` of the bar. Counts are what the chart shows. */
export function ticks(events: readonly VisionEvent[], window: Window, step: number): Tick[] {
  const found = new Map<string, Tick>();
  for (const event of events) {
    const at = place(window, Date.parse(event.time));
    if (event.kind === 'count' || at < 0 || at > 1) continue;
    const key = `${event.kind} ${Math.floor(at / step)}`;
    const tick = found.get(key);
    if (tick) tick.events.push(event);
    else found.set(key, { at, kind: event.kind, events: [event] });
  }
  return [...found.values()].sort((a, b) => a.at - b.at);
}
