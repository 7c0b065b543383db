import { useEffect, useRef, useState } from 'preact/hooks';
import { ms, plural } from '../format';
import { Problem } from '../parts/Problem';
import { Select, Toggle } from '../parts/Toggle';
import { go, hashOf } from '../route';
import { APPS, useAnswer } from './store';
import type { FleetApplication, Trace } from './types';
import { Kinds, TraceRow, Waterfall } from './Waterfall';

const AT_ONCE = 40;
const EVERY_MS = 3000;

/** Sampled frames of an application, and the way of one of them. */
export function TracesPage({ name, trace }: { name: string; trace: string }) {
  const apps = useAnswer<{ applications: FleetApplication[] }>(APPS).data?.applications;
  const query = new URLSearchParams({ limit: String(AT_ONCE), ...(name ? { application: name } : {}) });
  const answer = useAnswer<{ traces: Trace[] }>(`/api/fleet/traces?${query}`, EVERY_MS);
  const [paused, setPaused] = useState<Trace[] | null>(null);
  useEffect(() => setPaused(null), [name]);
  const traces = paused ?? answer.data?.traces ?? [];
  // The one that is looked at stays, also when it has left the list.
  const kept = useRef<Trace | null>(null);
  const found = trace ? traces.find((one) => one.trace_id === trace) : traces[0];
  if (found) kept.current = found;
  const shown = found ?? (trace && kept.current?.trace_id === trace ? kept.current : null);
  const longest = Math.max(0, ...traces.map((one) => [...one.spans].reduce((all, span) => all + span.duration, 0)));
  return (
    <main id="main" tabIndex={-1} class="page traces-page">
      <section class="panel traces" aria-labelledby="traces-title">
        <div class="panel-head">
          <h1 id="traces-title">Traces</h1>
          <span class="tools">
            <Select
              label="Application"
              every="All applications"
              value={name}
              all={[...new Set([...(apps ?? []).map((app) => app.name), name])].filter(Boolean).sort()}
              set={(chosen) => (chosen ? go('traces', chosen) : go('traces'))}
              plain
            />
            <Toggle on={paused !== null} set={(on) => setPaused(on ? traces : null)}>
              Pause
            </Toggle>
          </span>
        </div>
        {traces.length === 0 ? (
          answer.error && !answer.data ? (
            <Problem error={answer.error} />
          ) : (
            <p class="empty">
              {answer.data
                ? 'No frame was sampled yet. One in so many is followed through all modules and nodes; the first should be here within seconds of the application running.'
                : 'Asking…'}
            </p>
          )
        ) : (
          <ol class="trace-list" aria-label="Sampled frames, newest first">
            {traces.map((one) => (
              <TraceRow
                key={one.trace_id}
                trace={one}
                longest={longest}
                here={one.trace_id === shown?.trace_id}
                href={hashOf('traces', name, one.trace_id)}
              />
            ))}
          </ol>
        )}
      </section>
      <section class="panel way" aria-labelledby="way-title">
        <div class="panel-head">
          <h2 id="way-title">{shown ? `${shown.stream} #${shown.sequence}` : 'One frame'}</h2>
          {shown && (
            <span class="muted">
              {ms(shown.duration * 1000)} ms, {plural(shown.spans.length, 'step')} on{' '}
              {plural(new Set(shown.spans.map((span) => span.node)).size, 'node')}
              {!trace && ', the newest'}
            </span>
          )}
        </div>
        {shown ? (
          <>
            <Kinds trace={shown} />
            <Waterfall key={shown.trace_id} trace={shown} />
          </>
        ) : (
          <p class="empty">{trace ? 'That frame is no longer known.' : 'Choose a frame.'}</p>
        )}
      </section>
    </main>
  );
}
