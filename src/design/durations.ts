/** Periods of time as Loki, Prometheus and Go write them. */
const HOURS: Readonly<Record<string, number>> = { ns: 0, us: 0, µs: 0, ms: 0, s: 1 / 3600, m: 1 / 60, h: 1, d: 24, w: 168, y: 8760 };

/** `672h`, `4w`, `1d12h`, `24h0m0s`, `0`; `undefined` if it is not a duration. */
export function hoursIn(value: unknown): number | undefined {
  const text = String(value ?? '').trim();
  if (text === '0') return 0;
  if (text.length > 100 || !/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|[smhdwy]))+$/.test(text)) return undefined;
  return [...text.matchAll(/(?<![\d.])(\d+(?:\.\d+)?)(ns|us|µs|ms|[smhdwy])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (HOURS[unit] ?? 0),
    0,
  );
}
