/** Kubernetes quantities as plain numbers: cpu in millicores, everything else in units or bytes. */

const SUFFIX: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** `1500m` -> 1.5, `2Gi` -> 2147483648. An invalid quantity counts as 0, like a missing request. */
export function quantity(text: string | number | undefined): number {
  if (text === undefined) return 0;
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)$/.exec(String(text));
  if (match === null) return 0;
  return Number(match[1]) * (SUFFIX[match[2] ?? ''] ?? 0);
}

export type Resources = Readonly<Record<string, number>>;

export function amounts(list: Readonly<Record<string, string | number>> | undefined): Resources {
  return Object.fromEntries(Object.entries(list ?? {}).map(([name, text]) => [name, quantity(text)]));
}

export function sum(a: Resources, b: Resources): Resources {
  const out: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) out[name] = (out[name] ?? 0) + amount;
  return out;
}

export function largest(a: Resources, b: Resources): Resources {
  const out: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) out[name] = Math.max(out[name] ?? 0, amount);
  return out;
}
