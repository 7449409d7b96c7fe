/** Counters, gauges and histograms of a simulated process, in the text format that Go's Prometheus client writes. */
type Labels = Readonly<Record<string, string>>;

export interface Family {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Exists at zero from the start, since it has no labels. */
  readonly bare?: true;
  /** Of a histogram; defaults to Prometheus's. */
  readonly buckets?: readonly number[];
}

export interface Metrics {
  /** Adds to a counter or a gauge. */
  add(name: string, labels: Labels, by: number): void;
  set(name: string, labels: Labels, value: number): void;
  observe(name: string, labels: Labels, value: number): void;
  /** Removes every series of this name that has these labels. */
  forget(name: string, labels: Labels): void;
  value(name: string, labels: Labels): number;
  exposition(): string;
}

const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Series {
  readonly labels: Labels;
  value: number;
  /** Of a histogram: how many values were at most as large as each bucket, and how many there were. */
  readonly counts: number[];
  count: number;
}

/** Throws on a name that is not in the table: metrics that no real process has must not be counted. */
export function createMetrics(families: Readonly<Record<string, Family>>): Metrics {
  const all = new Map<string, Map<string, Series>>();
  const bucketsOf = (name: string): readonly number[] => (families[name]?.type === 'histogram' ? (families[name].buckets ?? DEFAULT_BUCKETS) : []);
  const seriesOf = (name: string, labels: Labels): Series => {
    if (families[name] === undefined) throw new Error(`${name} is no metric of this process`);
    const family = all.get(name) ?? new Map<string, Series>();
    all.set(name, family);
    const key = textOf(labels);
    const series = family.get(key) ?? { labels, value: 0, counts: bucketsOf(name).map(() => 0), count: 0 };
    family.set(key, series);
    return series;
  };
  for (const [name, { bare }] of Object.entries(families)) if (bare) seriesOf(name, {});
  return {
    add: (name, labels, by) => void (seriesOf(name, labels).value += by),
    set: (name, labels, value) => void (seriesOf(name, labels).value = value),
    observe(name, labels, value) {
      const series = seriesOf(name, labels);
      series.value += value;
      series.count += 1;
      bucketsOf(name).forEach((bound, at) => value <= bound && (series.counts[at] = (series.counts[at] ?? 0) + 1));
    },
    forget(name, labels) {
      const family = all.get(name);
      for (const [key, series] of family ?? []) if (Object.entries(labels).every(([label, value]) => series.labels[label] === value)) family?.delete(key);
    },
    value: (name, labels) => all.get(name)?.get(textOf(labels))?.value ?? 0,
    exposition: () =>
      Object.entries(families)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([name, { help, type }]) => {
          const family = [...(all.get(name) ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1));
          if (family.length === 0) return [];
          const lines = family.flatMap(([key, series]) =>
            type === 'histogram' ? histogramLines(name, { series, buckets: bucketsOf(name) }) : [`${name}${key} ${goNumber(series.value)}`],
          );
          return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
        })
        .map((line) => `${line}\n`)
        .join(''),
  };
}

function histogramLines(name: string, of: { readonly series: Series; readonly buckets: readonly number[] }): readonly string[] {
  const { series, buckets } = of;
  const bucket = (le: string, count: number): string => `${name}_bucket${textOf(series.labels, le)} ${count}`;
  return [
    ...buckets.map((bound, at) => bucket(goNumber(bound), series.counts[at] ?? 0)),
    bucket('+Inf', series.count),
    `${name}_sum${textOf(series.labels)} ${goNumber(series.value)}`,
    `${name}_count${textOf(series.labels)} ${series.count}`,
  ];
}

/** `{a="x",b="y"}`, sorted by name; a bucket's bound comes last. */
function textOf(labels: Labels, le?: string): string {
  const pairs = Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .concat(le === undefined ? [] : [['le', le]])
    .map(([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** As `strconv.FormatFloat(n, 'g', -1, 64)` writes it: a million is `1e+06`. */
export function goNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
