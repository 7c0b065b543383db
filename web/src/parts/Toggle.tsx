interface ToggleProps {
  on: boolean;
  set: (on: boolean) => void;
  children: preact.ComponentChildren;
}

export function Toggle({ on, set, children }: ToggleProps) {
  return (
    <button type="button" class="toggle" aria-pressed={on} onClick={() => set(!on)}>
      {children}
    </button>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  all: readonly (readonly [T, string])[];
  set: (value: T) => void;
}

/** A few alternatives side by side. */
export function Choice<T extends string>({ label, value, all, set }: ChoiceProps<T>) {
  return (
    <span class="choice" role="group" aria-label={label}>
      {all.map(([one, text]) => (
        <button type="button" key={one} class="toggle" aria-pressed={value === one} onClick={() => set(one)}>
          {text}
        </button>
      ))}
    </span>
  );
}

interface SelectProps {
  label: string;
  every: string;
  value: string;
  all: readonly string[];
  set: (value: string) => void;
  /** Shows the values as they are: names, not words. */
  plain?: boolean;
}

export function Select({ label, every, value, all, set, plain = false }: SelectProps) {
  return (
    <select aria-label={label} value={value} onChange={(event) => set(event.currentTarget.value)}>
      <option value="">{every}</option>
      {all.map((one) => (
        <option key={one} value={one}>
          {plain ? one : one.replaceAll('_', ' ')}
        </option>
      ))}
    </select>
  );
}
