import { useEffect, useMemo, useState } from 'preact/hooks';
import { clockOf, dateOf } from '../format';
import { Select, Toggle } from '../parts/Toggle';
import { useChanges } from '../observable';
import { hashOf } from '../route';
import { LogFeed } from './feed';
import { fleet } from './store';
import type { LogLine } from './types';

const ROWS = 300;
const LEVELS = ['info', 'warning', 'error'];
const MARKS: Record<string, string> = { info: '•', warning: '▲', error: '✕' };

interface LogProps {
  /** Only of this one; "": of all, to choose from. */
  application: string;
  nodes: string[];
  applications: string[];
}

export function Log({ application, nodes, applications }: LogProps) {
  const [chosen, setChosen] = useState('');
  const [node, setNode] = useState('');
  const [level, setLevel] = useState('');
  const [paused, setPaused] = useState<LogLine[] | null>(null);
  const feed = useMemo(() => new LogFeed(application || chosen, node), [application, chosen, node]);
  useEffect(() => fleet.follow(feed), [feed]);
  useEffect(() => setPaused(null), [feed]);
  useChanges(feed);
  const least = LEVELS.indexOf(level);
  const lines = (paused ?? feed.lines).filter((line) => least <= 0 || LEVELS.indexOf(line.level) >= least);
  const behind = paused ? feed.lines.filter((line) => line.id > (paused[0]?.id ?? 0)).length : 0;
  const filtered = node !== '' || level !== '' || chosen !== '';
  return (
    <section id="log" class="panel log" aria-labelledby="log-title">
      <div class="panel-head">
        <h2 id="log-title">Event log</h2>
        <span class="muted">{behind > 0 ? `${behind} more since the pause` : ''}</span>
        <span class="tools">
          <Toggle on={paused !== null} set={(on) => setPaused(on ? feed.lines : null)}>
            Pause
          </Toggle>
        </span>
      </div>
      <div class="filters" data-count={application ? 2 : 3}>
        {!application && <Select label="Application" every="All applications" value={chosen} all={applications} set={setChosen} plain />}
        <Select label="Node" every="All nodes" value={node} all={nodes} set={setNode} plain />
        <Select label="Level" every="All levels" value={level} all={['warning', 'error']} set={setLevel} />
      </div>
      {lines.length === 0 ? (
        <p class="empty">
          {feed.problem && !feed.loaded
            ? feed.problem
            : !feed.loaded
              ? 'Asking…'
              : filtered
                ? 'No line matches.'
                : 'Nothing has happened yet.'}
        </p>
      ) : (
        <ol class="event-list log-list" tabIndex={0} aria-label="Event log, newest first">
          {lines.slice(0, ROWS).map((line) => (
            <Row key={line.id} line={line} named={!application} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Row({ line, named }: { line: LogLine; named: boolean }) {
  return (
    <li data-level={line.level}>
      <time dateTime={new Date(line.time * 1000).toISOString()} title={dateOf(line.time)}>
        {clockOf(line.time)}
      </time>
      <span class={`mark ${line.level}`} aria-hidden="true">
        {MARKS[line.level] ?? '•'}
      </span>
      <span class="what">
        {line.level !== 'info' && <span class="unseen">{line.level}: </span>}
        {line.text}
        <span class="about muted">
          {line.node || 'controller'}
          {named && line.application && (
            <>
              {' · '}
              <a href={hashOf('apps', line.application)}>{line.application}</a>
            </>
          )}
        </span>
      </span>
    </li>
  );
}
