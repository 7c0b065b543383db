// Everything the page knows, fed by one stream of server-sent events.

import { useState } from 'preact/hooks';
import { api } from './api';
import { ZoneLines } from './history';
import { Observable, useChanges } from './observable';
import type { EventPage, Status, View, VisionEvent, ZoneHistory } from './types';

export type Connection = 'connecting' | 'open' | 'lost';

const EVENTS_KEPT = 1000;
const SILENCE_MS = 6000;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 10_000;

class Store extends Observable {
  connection: Connection = 'connecting';
  retryAt = 0;
  status: Status | null = null;
  views: View[] = [];
  events: VisionEvent[] = [];
  zones = new ZoneLines();
  /** Called each time the stream of events broke. */
  onLost: () => void = () => undefined;

  private epoch = '';
  private source: EventSource | null = null;
  private heard = 0;
  private retryMs = FIRST_RETRY_MS;
  private retryTimer = 0;
  private silenceTimer = 0;
  private readonly online = () => this.connection === 'lost' && this.connect();

  /** May be called again; does nothing then. */
  start(): void {
    if (this.silenceTimer !== 0) return;
    this.connect();
    this.silenceTimer = window.setInterval(() => {
      if (this.connection === 'open' && Date.now() - this.heard > SILENCE_MS) this.lose();
    }, 1000);
    window.addEventListener('online', this.online);
  }

  /** Forgets everything: what comes next may be somebody else's. */
  stop(): void {
    window.clearInterval(this.silenceTimer);
    window.clearTimeout(this.retryTimer);
    window.removeEventListener('online', this.online);
    this.silenceTimer = 0;
    this.source?.close();
    this.source = null;
    this.connection = 'connecting';
    this.status = null;
    this.views = [];
    this.events = [];
    this.zones = new ZoneLines();
    this.changed();
  }

  connect(): void {
    window.clearTimeout(this.retryTimer);
    this.source?.close();
    const source = new EventSource('/api/live?observations=0');
    this.source = source;
    const on = <T>(type: string, take: (data: T) => void) =>
      source.addEventListener(type, (message) => {
        this.heard = Date.now();
        take(JSON.parse((message as MessageEvent<string>).data) as T);
        this.changed();
      });
    on<{ epoch: string }>('hello', ({ epoch }) => {
      this.connection = 'open';
      this.retryMs = FIRST_RETRY_MS;
      if (epoch !== this.epoch) this.events = [];
      this.epoch = epoch;
      void this.catchUp();
    });
    on<Status>('status', (status) => {
      this.status = status;
      this.zones.advance(Math.floor(Date.parse(status.time) / 1000));
    });
    on<{ streams: View[] }>('streams', ({ streams }) => (this.views = streams));
    on<VisionEvent>('event', (event) => this.add([event]));
    on<ZoneHistory>('zones', (zones) => this.zones.update(zones));
    source.onerror = () => this.lose();
  }

  /** What happened before this connection. */
  private async catchUp(): Promise<void> {
    const after = this.events[0] ? `after=${this.events[0].id}&limit=${EVENTS_KEPT}` : 'limit=300';
    try {
      const [events, zones] = await Promise.all([
        api<EventPage>('GET', `/api/events?${after}`),
        api<ZoneHistory>('GET', '/api/zones?seconds=900'),
      ]);
      this.add(events.events);
      this.zones.reset(zones);
      this.changed();
    } catch {
      // The stream of events will break as well and bring us here again.
    }
  }

  private add(events: VisionEvent[]): void {
    const known = new Set(this.events.map((event) => event.id));
    const fresh = events.filter((event) => !known.has(event.id));
    if (fresh.length === 0) return;
    this.events = [...fresh, ...this.events].sort((a, b) => b.id - a.id).slice(0, EVENTS_KEPT);
  }

  private lose(): void {
    this.source?.close();
    this.connection = 'lost';
    const delay = this.retryMs * (0.75 + Math.random() / 2);
    this.retryAt = Date.now() + delay;
    this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
    window.clearTimeout(this.retryTimer);
    this.retryTimer = window.setTimeout(() => this.connect(), delay);
    this.onLost();
    this.changed();
  }
}

export const store = new Store();

/** The part of the store that `select` returns; renders again when anything changed. */
export function useStore<T>(select: (from: Store) => T): T {
  useChanges(store);
  return select(store);
}

/** A setting that the browser remembers. */
export function useRemembered<T>(name: string, fallback: T): [T, (value: T) => void] {
  const key = `vedette.${name}`;
  const [value, setValue] = useState<T>(() => {
    try {
      const text = localStorage.getItem(key);
      return text === null ? fallback : (JSON.parse(text) as T);
    } catch {
      return fallback;
    }
  });
  return [
    value,
    (next) => {
      setValue(next);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Not remembered, then.
      }
    },
  ];
}
