/** Which components of Loki do which job, by the names of its charts, in each deployment mode: a job without a component is missing. */

export interface Part {
  readonly component: string;
  readonly wanted: number;
  readonly ready: number;
}

/** The jobs Loki can't do without, with the components that do them in microservices, simple scalable and single binary mode. */
const WORK = {
  receive: { parts: ['distributor', 'write', 'single-binary'], words: 'accepts no log lines' },
  store: { parts: ['ingester', 'write', 'single-binary'], words: 'stores no log lines' },
  query: { parts: ['querier', 'read', 'single-binary'], words: 'answers no queries' },
  frontend: { parts: ['query-frontend', 'read', 'single-binary'], words: 'answers no queries' },
  schedule: { parts: ['query-scheduler', 'backend', 'read', 'single-binary'], words: 'answers no queries' },
  index: { parts: ['index-gateway', 'backend', 'read', 'single-binary'], words: 'answers no queries' },
  compact: { parts: ['compactor', 'backend', 'read', 'single-binary'], words: 'neither compacts its index nor deletes what is past its retention' },
  pass: { parts: ['gateway'], words: "can't be reached" },
} as const satisfies Readonly<Record<string, { readonly parts: readonly string[]; readonly words: string }>>;
export type Work = keyof typeof WORK;

/** Zone-aware ingesters have their own names. */
const plain = (component: string): string => component.replace(/^(ingester)-zone.*$/, '$1');
/** Where a backend exists, it does what readers did before backends were introduced. */
const working = <T extends Part>(parts: readonly T[], work: Work): readonly T[] => {
  const all = parts.filter(({ component }) => doesWork(component, work));
  return all.some(({ component }) => component === 'backend') ? all.filter(({ component }) => component !== 'read') : all;
};

export interface Idle<T> {
  readonly work: Work;
  /** What Loki does not do meanwhile: `accepts no log lines`. */
  readonly words: string;
  readonly parts: readonly T[];
}

/** Jobs whose components exist but all have zero replicas. */
export function scaledToZero<T extends Part>(parts: readonly T[]): readonly Idle<T>[] {
  return (Object.keys(WORK) as readonly Work[]).flatMap((work): readonly Idle<T>[] => {
    const all = working(parts, work);
    return all.length > 0 && all.every(({ wanted }) => wanted === 0) ? [{ work, words: WORK[work].words, parts: all }] : [];
  });
}

/** Jobs with fewer ready pods than needed: `needed` for storing lines, otherwise one. */
export function down<T extends Part>(parts: readonly T[], needed: number): readonly Idle<T>[] {
  return (Object.keys(WORK) as readonly Work[]).flatMap((work): readonly Idle<T>[] => {
    const all = working(parts, work).filter(({ wanted }) => wanted > 0);
    const sum = (of: (part: T) => number) => all.reduce((count, part) => count + of(part), 0);
    const enough =
      work === 'store'
        ? Math.min(
            needed,
            sum(({ wanted }) => wanted),
          )
        : 1;
    return all.length > 0 && sum(({ ready }) => ready) < enough ? [{ work, words: WORK[work].words, parts: all }] : [];
  });
}

export const doesWork = (component: string, work: Work): boolean => (WORK[work].parts as readonly string[]).includes(plain(component));
