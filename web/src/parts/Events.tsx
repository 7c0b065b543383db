import { useEffect, useRef, useState } from 'preact/hooks';
import { clock, words } from '../format';
import { useStore } from '../store';
import type { VisionEvent } from '../types';
import { Select, Toggle } from './Toggle';

const ROWS = 200;
const QUIET_MS = 10_000;
const MARKS: Record<string, string> = { enter: '→', leave: '←', dwell: '◷', cross: '⤫', count: '#' };

function unique(values: string[]): string[] {
  return [...new Set(values)].sort();
}

export function Events() {
  const live = useStore((store) => store.events);
  const [paused, setPaused] = useState<VisionEvent[] | null>(null);
  const [kind, setKind] = useState('');
  const [zone, setZone] = useState('');
  const [view, setView] = useState('');
  const all = paused ?? live;
  // Counts are what the chart shows; unless asked for they would bury the rest.
  const shown = all.filter(
    (event) =>
      (kind ? event.kind === kind : event.kind !== 'count') && (!zone || event.zone === zone) && (!view || event.view === view),
  );
  const behind = paused ? live.filter((event) => event.id > (paused[0]?.id ?? 0)).length : 0;
  return (
    <section id="events" class="panel events" aria-labelledby="events-title">
      <div class="panel-head">
        <h2 id="events-title">Events</h2>
        <span class="muted">{behind > 0 ? `${behind} more since the pause` : ''}</span>
        <span class="tools">
          <Toggle on={paused !== null} set={(on) => setPaused(on ? live : null)}>
            Pause
          </Toggle>
        </span>
      </div>
      <div class="filters">
        <Select label="Kind of event" every="All kinds" value={kind} all={unique(live.map((event) => event.kind))} set={setKind} />
        <Select label="Zone" every="All zones" value={zone} all={unique(live.map((event) => event.zone))} set={setZone} />
        <Select label="Stream" every="All streams" value={view} all={unique(live.map((event) => event.view))} set={setView} />
      </div>
      {shown.length === 0 ? (
        <p class="empty">
          {live.length > 0 ? (
            'No event matches.'
          ) : (
            <>
              No events yet. They come from a <code>roi</code> module with zones or lines.
            </>
          )}
        </p>
      ) : (
        <ol class="event-list" tabIndex={0} aria-label="Events, newest first">
          {shown.slice(0, ROWS).map((event) => (
            <Row key={event.id} event={event} />
          ))}
        </ol>
      )}
      <Announcer events={live} />
    </section>
  );
}

function Row({ event }: { event: VisionEvent }) {
  return (
    <li data-kind={event.kind} title={`frame ${event.sequence}, captured ${event.time}`}>
      <time dateTime={event.seen}>{clock(event.seen)}</time>
      <span class={`mark ${event.kind}`} aria-hidden="true">
        {MARKS[event.kind] ?? '•'}
      </span>
      <span class="what">
        <span class="strong">{words(event.label || 'object')}</span>
        {event.track !== null && <span class="muted"> #{event.track}</span>} {sentence(event)}
      </span>
      <span class="where muted">{event.view.slice(event.view.indexOf('/') + 1)}</span>
    </li>
  );
}

function sentence(event: VisionEvent): preact.ComponentChildren {
  const zone = <span class="strong">{event.zone}</span>;
  switch (event.kind) {
    case 'enter':
      return <>entered {zone}</>;
    case 'leave':
      return (
        <>
          left {zone} after {event.dwell_seconds.toFixed(1)} s
        </>
      );
    case 'dwell':
      return (
        <>
          in {zone} for {event.dwell_seconds.toFixed(1)} s
        </>
      );
    case 'cross':
      return (
        <>
          crossed {zone} {event.count < 0 ? 'backward' : 'forward'}
        </>
      );
    case 'count':
      return (
        <>
          in {zone}: {event.count}
        </>
      );
    default:
      return (
        <>
          {words(event.kind)} {zone}
        </>
      );
  }
}

/** Tells a screen reader what came, but no oftener than every ten seconds. */
function Announcer({ events }: { events: VisionEvent[] }) {
  const [text, setText] = useState('');
  const told = useRef({ id: -1, at: 0 });
  useEffect(() => {
    const newest = events.find((event) => event.kind !== 'count');
    if (!newest || newest.id <= told.current.id) return;
    const first = told.current.id < 0;
    if (!first && Date.now() - told.current.at < QUIET_MS) return;
    const fresh = events.filter((event) => event.kind !== 'count' && event.id > told.current.id).length;
    told.current = { id: newest.id, at: Date.now() };
    if (!first) setText(`${fresh} new events, last: ${newest.label} ${words(newest.kind)} ${newest.zone}`);
  }, [events]);
  return (
    <p class="unseen" aria-live="polite">
      {text}
    </p>
  );
}
