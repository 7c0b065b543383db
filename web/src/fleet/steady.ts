import { useRef } from 'preact/hooks';

interface Steady<T> {
  items: T[];
  /** For the element that holds the rows. */
  hold: { onMouseEnter: () => void; onMouseLeave: () => void; onFocusIn: () => void; onFocusOut: () => void };
}

/** `sorted` as it is, but while somebody points at the rows or has the focus in them their order stays: nothing moves from under a click. */
export function useSteady<T>(sorted: readonly T[], keyOf: (item: T) => string): Steady<T> {
  const order = useRef(new Map<string, number>());
  const held = useRef({ pointer: false, focus: false });
  let items = [...sorted];
  if (held.current.pointer || held.current.focus) {
    const place = (item: T) => order.current.get(keyOf(item)) ?? Number.MAX_SAFE_INTEGER;
    items = items.sort((a, b) => place(a) - place(b));
  }
  order.current = new Map(items.map((item, i) => [keyOf(item), i]));
  const set = (what: 'pointer' | 'focus', to: boolean) => () => {
    held.current[what] = to;
  };
  return {
    items,
    hold: {
      onMouseEnter: set('pointer', true),
      onMouseLeave: set('pointer', false),
      onFocusIn: set('focus', true),
      onFocusOut: set('focus', false),
    },
  };
}
