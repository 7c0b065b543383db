import { count, words } from '../format';
import { useStore } from '../store';
import type { StreamStatus } from '../types';
import { Dot, toneOf } from './Dot';
import { Dropped } from './Modules';

const ORDER = { bad: 0, warn: 1, idle: 2, good: 3 };

export function Streams() {
  const applications = useStore((store) => store.status?.applications ?? []);
  const streams = applications
    .flatMap((application) => application.streams)
    .sort((a, b) => ORDER[toneOf(a.state)] - ORDER[toneOf(b.state)] || a.view.localeCompare(b.view));
  const troubled = streams.filter((stream) => toneOf(stream.state) === 'bad').length;
  return (
    <section id="streams" class="panel streams" aria-labelledby="streams-title">
      <div class="panel-head">
        <h2 id="streams-title">Streams</h2>
        <span class={troubled > 0 ? 'bad-text' : 'muted'}>{troubled > 0 ? `${troubled} failed` : ''}</span>
      </div>
      {streams.length === 0 ? (
        <p class="empty">
          No streams. Name one or more with <code>--source</code>: a file, an <code>rtsp://</code> address, a folder of pictures or a
          device.
        </p>
      ) : (
        <div class="table-box">
          <table>
            <thead>
              <tr>
                <th scope="col">Stream</th>
                <th scope="col">State</th>
                <th scope="col" class="n">Size</th>
                <th scope="col" class="n">Frames /s</th>
                <th scope="col" class="n">Frames</th>
                <th scope="col" class="n">Reconnects</th>
                <th scope="col">Dropped</th>
                <th scope="col">Clock</th>
              </tr>
            </thead>
            <tbody>
              {streams.map((stream) => (
                <Row key={stream.view} stream={stream} qualified={applications.length > 1} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ stream, qualified }: { stream: StreamStatus; qualified: boolean }) {
  return (
    <>
      <tr>
        <th scope="row">
          {qualified ? stream.view : stream.name}
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
        <td class="n" data-label="Size">{stream.width > 0 ? `${stream.width} × ${stream.height}` : '–'}</td>
        <td class="n" data-label="Frames /s">{stream.fps.toFixed(1)}</td>
        <td class="n" data-label="Frames">{count(stream.frames)}</td>
        <td class="n" data-label="Reconnects">{count(stream.reconnects)}</td>
        <td data-label="Dropped">
          <Dropped counts={stream.dropped} />
        </td>
        <td data-label="Clock" class="muted">{words(stream.capture_clock) || '–'}</td>
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
