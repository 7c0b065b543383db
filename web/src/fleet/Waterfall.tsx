import { useState } from 'preact/hooks';
import { clockOf, ms } from '../format';
import type { Trace } from './types';
import { type Bar, lanesOf, ticks, totals } from './steps';

/** A frame's way through the fleet, step by step. */
export function Waterfall({ trace }: { trace: Trace }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const lanes = lanesOf(trace);
  // A clock that is a little off may put a step before the first one, or behind the last.
  const bars = lanes.flatMap((lane) => lane.bars);
  const from = Math.min(0, ...bars.map((bar) => bar.beginMs));
  const to = Math.max(trace.duration * 1000, ...bars.map((bar) => bar.beginMs + bar.lastsMs), 0.001);
  const shown = bars.find((bar) => bar.span.span_id === chosen);
  const percent = (value: number) => `${(100 * (value - from)) / (to - from)}%`;
  const marks = ticks(to);
  return (
    <div class="waterfall">
      <p class="detail-line" aria-live="polite">
        {shown ? (
          <>
            <span class={`swatch kind-${shown.kind}`} aria-hidden="true" /> <span class="strong">{shown.span.name}</span>{' '}
            <span class="muted">
              {shown.span.kind} on {shown.span.node}
            </span>{' '}
            <span class="strong">{ms(shown.lastsMs)} ms</span>{' '}
            <span class="muted">
              from {ms(shown.beginMs)} to {ms(shown.beginMs + shown.lastsMs)} ms, {Math.round((100 * shown.lastsMs) / (to - from))} % of the
              way
            </span>
          </>
        ) : (
          <span class="muted">Point at a step, or walk through them with Tab, to see its figures.</span>
        )}
      </p>
      <div class="scale" aria-hidden="true">
        <span />
        <span class="scale-track">
          {marks.map((mark) => (
            <span key={mark} class="tick" style={{ left: percent(mark) }}>
              {mark}
              {mark === marks.at(-1) && ' ms'}
            </span>
          ))}
        </span>
      </div>
      {lanes.map((lane) => (
        <section key={lane.node} class="lane" aria-label={lane.node}>
          <h3>{lane.node || 'unknown node'}</h3>
          <ol onMouseLeave={() => setChosen(null)}>
            {lane.bars.map((bar) => (
              <Step
                key={bar.span.span_id}
                bar={bar}
                left={percent(bar.beginMs)}
                width={`${(100 * bar.lastsMs) / (to - from)}%`}
                marks={marks.map(percent)}
                late={bar.beginMs + bar.lastsMs / 2 > (from + to) * 0.6}
                chosen={bar.span.span_id === chosen}
                choose={() => setChosen(bar.span.span_id)}
              />
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

interface StepProps {
  bar: Bar;
  left: string;
  width: string;
  marks: string[];
  /** Near the right end: its figure stands before it. */
  late: boolean;
  chosen: boolean;
  choose: () => void;
}

function Step({ bar, left, width, marks, late, chosen, choose }: StepProps) {
  const { span, kind, beginMs, lastsMs } = bar;
  return (
    <li>
      <button
        type="button"
        class={`step ${chosen ? 'chosen' : ''}`}
        data-kind={kind}
        aria-label={`${span.name}, ${span.kind}, ${ms(lastsMs)} ms from ${ms(beginMs)} ms`}
        onMouseEnter={choose}
        onFocus={choose}
        onClick={choose}
      >
        <span class="step-name">{span.name}</span>
        <span class="step-track">
          {marks.map((mark) => (
            <span key={mark} class="grid" style={{ left: mark }} />
          ))}
          <span class={`step-bar kind-${kind}`} style={{ left, width }} />
          <span
            class={`step-ms ${late ? 'late' : ''}`}
            style={late ? { right: `calc(100% - ${left} + 4px)` } : { left: `calc(${left} + max(${width}, 2px) + 4px)` }}
          >
            {ms(lastsMs)}
          </span>
        </span>
      </button>
    </li>
  );
}

/** Colours and what each kind took together. */
export function Kinds({ trace }: { trace: Trace }) {
  return (
    <ul class="legend kinds">
      {[...totals(trace)].map(([kind, took]) => (
        <li key={kind}>
          <span class={`swatch kind-${kind}`} aria-hidden="true" /> {kind} <span class="strong">{ms(took)}</span> ms
        </li>
      ))}
    </ul>
  );
}

/** One line of the list of traces. */
export function TraceRow({ trace, longest, here, href }: { trace: Trace; longest: number; here: boolean; href: string }) {
  return (
    <li>
      <a class="trace-row" href={href} aria-current={here ? 'true' : undefined} data-trace={trace.trace_id}>
        <span class="strong">{trace.stream}</span>
        <span class="muted">#{trace.sequence}</span>
        <time class="muted" dateTime={new Date(trace.start * 1000).toISOString()}>
          {clockOf(trace.start)}
        </time>
        <span class="trace-ms">{ms(trace.duration * 1000)} ms</span>
        <span class="trace-bar" aria-hidden="true">
          {[...totals(trace)].map(([kind, took]) => (
            <span key={kind} class={`kind-${kind}`} style={{ width: `${longest > 0 ? (100 * took) / (longest * 1000) : 0}%` }} />
          ))}
        </span>
      </a>
    </li>
  );
}
