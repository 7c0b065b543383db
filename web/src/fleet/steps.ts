// One sampled frame's steps as rows: a machine after the other in the order in which the frame came there, times from its start.

import type { Span, Trace } from './types';

export const KINDS = ['source', 'wait', 'execute', 'serialise', 'send', 'receive'] as const;
export type Kind = (typeof KINDS)[number] | 'other';

export interface Bar {
  span: Span;
  kind: Kind;
  /** From the frame's start. */
  beginMs: number;
  lastsMs: number;
}

export interface Lane {
  node: string;
  bars: Bar[];
}

export function kindOf(kind: string): Kind {
  return KINDS.find((known) => known === kind) ?? 'other';
}

export function lanesOf(trace: Trace): Lane[] {
  const lanes = new Map<string, Bar[]>();
  for (const span of [...trace.spans].sort((a, b) => a.start - b.start || b.duration - a.duration)) {
    const bars = lanes.get(span.node) ?? [];
    lanes.set(span.node, bars);
    bars.push({ span, kind: kindOf(span.kind), beginMs: (span.start - trace.start) * 1000, lastsMs: span.duration * 1000 });
  }
  return [...lanes].map(([node, bars]) => ({ node, bars }));
}

/** Milliseconds spent in each kind of step. */
export function totals(trace: Trace): Map<Kind, number> {
  const sums = new Map<Kind, number>();
  for (const span of trace.spans) {
    const kind = kindOf(span.kind);
    sums.set(kind, (sums.get(kind) ?? 0) + span.duration * 1000);
  }
  return new Map([...KINDS, 'other' as const].filter((kind) => sums.has(kind)).map((kind) => [kind, sums.get(kind) ?? 0]));
}

/** Round marks from 0 to `most`, four to eight of them. */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0];
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => most / one <= 8) ?? 10 * power;
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}
