/** The modules that each target of Loki 3.7.6 starts, in the order in which it logs them. */

const MODULES: Readonly<Record<string, readonly string[]>> = {
  compactor: ['runtime-config', 'server', 'memberlist-kv', 'compactor'],
  distributor: ['server', 'runtime-config', 'memberlist-kv', 'ring', 'distributor'],
  'index-gateway': ['runtime-config', 'server', 'memberlist-kv', 'store', 'index-gateway'],
  ingester: ['runtime-config', 'server', 'memberlist-kv', 'ring', 'store', 'ingester'],
  querier: ['cache-generation-loader', 'runtime-config', 'server', 'memberlist-kv', 'ring', 'ingester-querier', 'store', 'querier'],
  'query-frontend': ['cache-generation-loader', 'server', 'runtime-config', 'memberlist-kv', 'query-frontend-tripperware', 'query-frontend'],
  'query-scheduler': ['server', 'runtime-config', 'memberlist-kv', 'query-scheduler'],
  ruler: ['server', 'runtime-config', 'memberlist-kv', 'ring', 'ingester-querier', 'store', 'rule-evaluator', 'ruler'],
};

/** The components that a target includes. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  write: ['distributor', 'ingester'],
  read: ['querier', 'query-frontend'],
  backend: ['compactor', 'ruler', 'index-gateway', 'query-scheduler'],
  all: ['distributor', 'ingester', 'querier', 'query-frontend', 'query-scheduler', 'compactor', 'ruler'],
};

export function modulesOf(targets: readonly string[]): readonly string[] {
  return [...new Set(targets.flatMap((target) => GROUPS[target] ?? [target]).flatMap((component) => MODULES[component] ?? ['server', component]))];
}
