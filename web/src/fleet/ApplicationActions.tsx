import { useState } from 'preact/hooks';
import { api } from '../api';
import { Confirm } from '../parts/Confirm';
import { attempt } from '../parts/Notices';
import { session } from '../session';
import { fleet } from './store';
import type { FleetApplication } from './types';

interface ActionsProps {
  app: FleetApplication;
  /** Called once it is deleted. */
  deleted?: () => void;
}

/** Start, stop and delete, for who may. */
export function ApplicationActions({ app, deleted }: ActionsProps) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  if (!session.can('operator')) return null;
  const path = `/api/fleet/apps/${encodeURIComponent(app.name)}`;
  const act = async (work: () => Promise<unknown>, done: string, then?: () => void) => {
    setBusy(true);
    const went = await attempt(work, done);
    setBusy(false);
    fleet.refresh();
    if (went) then?.();
  };
  const stopped = app.state === 'stopped';
  const shared = app.shared_with.length > 0;
  return (
    <span class="buttons">
      {stopped || app.state === 'failed' ? (
        <button
          type="button"
          disabled={busy}
          aria-label={`Start ${app.name}`}
          onClick={() => void act(() => api('POST', `${path}/start`), `${app.name} is started`)}
        >
          Start
        </button>
      ) : (
        <button
          type="button"
          disabled={busy}
          aria-label={`Stop ${app.name}`}
          onClick={() => void act(() => api('POST', `${path}/stop`), `${app.name} is stopped`)}
        >
          Stop
        </button>
      )}
      <button type="button" disabled={busy} aria-label={`Delete ${app.name}`} onClick={() => setAsking(true)}>
        Delete
      </button>
      {asking && (
        <Confirm
          title={`Delete ${app.name}?`}
          yes="Delete"
          danger
          answer={(agreed) => {
            setAsking(false);
            if (agreed) void act(() => api('DELETE', path), `${app.name} is deleted`, deleted);
          }}
        >
          It stops, and its YAML and history go.{' '}
          {shared ? `What ${app.shared_with.join(', ')} use as well runs on.` : 'No other application uses its modules: they end.'}
        </Confirm>
      )}
    </span>
  );
}
