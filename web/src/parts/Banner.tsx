import { useEffect, useState } from 'preact/hooks';
import { fleet, useFleet } from '../fleet/store';
import type { Overview } from '../fleet/types';
import { safeUrl } from '../format';
import { store, useStore } from '../store';

export function Banner() {
  const connection = useStore((from) => from.connection);
  const retryAt = useStore((from) => from.retryAt);
  const [, setNow] = useState(0);
  useEffect(() => {
    if (connection !== 'lost') return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [connection]);
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  return (
    <div role="status" aria-live="polite">
      {connection === 'lost' && (
        <div class="banner">
          <span>
            <strong>The connection to Vedette is lost.</strong> What you see may be old.
            <span aria-hidden="true"> {seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again…'}</span>
          </span>
          <button type="button" onClick={() => store.connect()}>
            Try now
          </button>
        </div>
      )}
    </div>
  );
}

/** What is wrong with the controller itself: not there, not in charge, or unable to store anything. */
export function FleetBanner() {
  const { following, overview } = useFleet(({ following, overview }) => ({ following, overview }));
  const problem = overview?.controller.problem;
  return (
    <div role="status" aria-live="polite">
      {following === 'lost' ? (
        <div class="banner">
          <span>
            <strong>The controller does not answer.</strong> Nodes go on with what they have; what you see may be old.
          </span>
          <button type="button" onClick={() => fleet.refresh()}>
            Try now
          </button>
        </div>
      ) : overview && !overview.controller.leader ? (
        <div class="banner">
          <span>
            <strong>{overview.controller.name} stands by.</strong> <Leader controller={overview.controller} /> This page follows once this
            one leads.
          </span>
        </div>
      ) : (
        problem && (
          <div class="banner">
            <span>
              <strong>Nothing can be stored now:</strong> {problem}
            </span>
          </div>
        )
      )}
    </div>
  );
}

function Leader({ controller }: { controller: Overview['controller'] }) {
  const name = controller.leader_name || 'Another controller';
  const url = safeUrl(controller.leader_url ?? '');
  return <>{url ? <a href={url}>{name}</a> : name} leads.</>;
}
