import { useEffect, useMemo, useState } from 'preact/hooks';
import { api, asApiError } from './api';
import { type LogInfo, logPath } from './logs';
import { useStore } from './store';
import type { EventPage, VisionEvent } from './types';

const REFRESH_MS = 3000;

export interface LogState {
  /** Null while it is not known, or when there is none. */
  info: LogInfo | null;
  /** No frames of the camera are kept here. */
  none: boolean;
  /** Why the console does not say, in one line. */
  failure: string;
  /** Of the camera's stream: those before this page was opened, and what came since. */
  events: readonly VisionEvent[];
  /** What the console's clock is ahead of the browser's, ms. */
  ahead: number;
}

/** Follows what a camera's log keeps. */
export function useLog(camera: string): LogState {
  const [state, setState] = useState<Omit<LogState, 'events'>>({ info: null, none: false, failure: '', ahead: 0 });
  const [past, setPast] = useState<VisionEvent[]>([]);
  const live = useStore((store) => store.events);

  useEffect(() => {
    let stopped = false;
    let timer = 0;
    let known = false;
    const look = async () => {
      try {
        // The list first: asking for a log that is not there is an error, and not to have one is none.
        known ||= (await api<{ logs: { camera: string }[] }>('GET', '/api/logs')).logs.some((one) => one.camera === camera);
        const info = known ? await api<LogInfo>('GET', logPath(camera)) : null;
        if (stopped) return;
        setState({ info, none: info === null, failure: '', ahead: Date.parse(info?.time ?? '') - Date.now() || 0 });
      } catch (error) {
        const { status, message } = asApiError(error);
        known = known && status !== 404;
        if (!stopped) setState((before) => ({ ...before, failure: message }));
      }
      if (!stopped) timer = window.setTimeout(() => void look(), REFRESH_MS);
    };
    void look();
    return () => {
      stopped = true;
      window.clearTimeout(timer);
    };
  }, [camera]);

  const there = state.info !== null;
  useEffect(() => {
    if (!there) return;
    let stopped = false;
    api<EventPage>('GET', `${logPath(camera)}/events`)
      .then(({ events }) => !stopped && setPast(events))
      .catch(() => undefined); // The bar is of use without its marks, and those to come need no past.
    return () => {
      stopped = true;
    };
  }, [camera, there]);

  const events = useMemo(() => {
    const ids = new Set(past.map((event) => event.id));
    return [...past, ...live.filter((event) => !ids.has(event.id) && event.view.slice(event.view.indexOf('/') + 1) === camera)];
  }, [past, live, camera]);
  return { ...state, events };
}
