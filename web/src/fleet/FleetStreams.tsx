import { useState } from 'preact/hooks';
import { count } from '../format';
import { Dot, toneOf } from '../parts/Dot';
import { Dropped } from '../parts/Modules';
import { Problem } from '../parts/Problem';
import { Toggle } from '../parts/Toggle';
import { hashOf } from '../route';
import { Filter, matches } from './Filter';
import type { Answer } from './store';
import type { FleetStream } from './types';

const ORDER = { bad: 0, warn: 1, idle: 2, good: 3 };
const FEW = 12;
const ROWS = 500;
const ANOTHER = 'another tenant';

export function FleetStreams({ answer }: { answer: Answer<{ streams: FleetStream[] }> }) {
  const [text, setText] = useState('');
  const [every, setEvery] = useState(false);
  const rows = every ? ROWS : FEW;
  const all = answer.data?.streams ?? [];
  const streams = all
    .filter((stream) => matches(text, [stream.name, stream.node, stream.state, stream.url, ...stream.users]))
    .sort((a, b) => ORDER[toneOf(a.state)] - ORDER[toneOf(b.state)] || a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (
    <section id="streams" class="panel streams" aria-labelledby="streams-title">
      <div class="panel-head">
        <h2 id="streams-title">Streams</h2>
        <span class="muted">{streams.length > rows ? `${rows} of ${count(streams.length)}` : ''}</span>
        <span class="tools">
          {all.length > 1 && <Filter label="Find streams" text={text} set={setText} />}
          {streams.length > FEW && (
            <Toggle on={every} set={setEvery}>
              All
            </Toggle>
          )}
        </span>
      </div>
      {answer.error && !answer.data ? (
        <Problem error={answer.error} />
      ) : streams.length === 0 ? (
        <p class="empty">{all.length > 0 ? 'No stream matches.' : 'No streams yet. They are the sources that applications name.'}</p>
      ) : (
        <div class="table-box">
          <table>
            <thead>
              <tr>
                <th scope="col">Stream</th>
                <th scope="col">State</th>
                <th scope="col">Node</th>
                <th scope="col" class="n">
                  Size
                </th>
                <th scope="col" class="n">
                  Frames /s
                </th>
                <th scope="col" class="n">
                  Reconnects
                </th>
                <th scope="col">Dropped</th>
                <th scope="col">Used by</th>
              </tr>
            </thead>
            <tbody>
              {streams.slice(0, rows).map((stream) => (
                <Row key={stream.key} stream={stream} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ stream }: { stream: FleetStream }) {
  return (
    <>
      <tr>
        <th scope="row">
          {stream.name}
          <span class="url muted" title={stream.url}>
            {stream.url}
          </span>
        </th>
        <td data-label="State">
          <span class="state">
            <Dot tone={toneOf(stream.state)} />
            {stream.state}
          </span>
        </td>
        <td data-label="Node">{stream.node || '–'}</td>
        <td class="n wide-only" data-label="Size">
          {stream.width > 0 ? `${stream.width} × ${stream.height}` : '–'}
        </td>
        <td class="n" data-label="Frames /s">
          {stream.fps.toFixed(1)}
        </td>
        <td class="n wide-only" data-label="Reconnects">
          {count(stream.reconnects)}
        </td>
        <td class="wide-only" data-label="Dropped">
          <Dropped counts={stream.dropped} />
        </td>
        <td data-label="Used by">
          <Names names={stream.users} />
        </td>
      </tr>
      {stream.last_error && (
        <tr class="detail">
          <td colSpan={8}>
            <span class="bad-text">Last error:</span> {stream.last_error}
          </td>
        </tr>
      )}
    </>
  );
}

const MOST_NAMES = 4;

/** Applications, each a link to its page. */
export function Names({ names }: { names: readonly string[] }) {
  if (names.length === 0) return <span class="muted">–</span>;
  return (
    <span class="names">
      {names.slice(0, MOST_NAMES).map((name, i) => (
        <span key={name}>
          {i > 0 && ', '}
          {name === ANOTHER ? <span class="muted">{name}</span> : <a href={hashOf('apps', name)}>{name}</a>}
        </span>
      ))}
      {names.length > MOST_NAMES && <span class="muted"> and {names.length - MOST_NAMES} more</span>}
    </span>
  );
}
