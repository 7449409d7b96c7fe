/** A loaded Alloy configuration: its components, their exports, and how an entry flows through them. */
import { type AlloyValue, evaluate, type Scope, typeName } from './evaluate.ts';
import { AlloySyntaxError } from './lexer.ts';
import { type Block, parseAlloy } from './parser.ts';
import { type Labels, relabel, type RelabelRule, RULE_DEFAULTS } from './relabel.ts';
import { checkFile, COMPONENTS, idOf, type Shape, typeOf } from './schema.ts';
import { type LogEntry, pipelineOf, type Stage, type StageSpec } from './stages.ts';

export type Arguments = Readonly<Record<string, AlloyValue>>;
export interface Component {
  readonly id: string;
  readonly name: string;
  readonly args: Arguments;
  readonly blocks: readonly { readonly name: string; readonly args: Arguments; readonly blocks: Component['blocks'] }[];
}

/** What the components need from outside the configuration. */
export interface GraphWorld {
  readonly env: Readonly<Record<string, string>>;
  readonly hostname: string;
  readonly discover: (component: Component) => readonly Labels[];
  readonly match: (targets: readonly Labels[]) => readonly Labels[];
  /** Throws when it can't be read. */
  readonly read: (path: string) => string;
  readonly write: (component: Component, entry: LogEntry) => void;
}

export interface Graph {
  /** Of all components and blocks, in file order. */
  readonly ids: readonly string[];
  /** The components of this kind, with arguments evaluated against the current state of the world. */
  components(name: string): readonly Component[];
  /** Passes an entry to the receivers of a `forward_to`. */
  forward(to: AlloyValue | undefined, entry: LogEntry): void;
}

const isReceiver = (name: string): boolean => ['loki.process', 'loki.relabel', 'loki.write'].includes(name);

/** Throws AlloySyntaxError, as Alloy refuses to start. Everything is evaluated once. */
export function loadGraph(source: string, world: GraphWorld): Graph {
  const blocks = checkFile(parseAlloy(source));
  const byId = new Map(blocks.map((block) => [idOf(block), block]));
  const stages = new Map<string, Stage>();
  let exports = new Map<string, Readonly<Record<string, AlloyValue>>>();
  let made = new Map<Block, Component>();
  const busy = new Set<string>();
  const scope: Scope = { env: world.env, hostname: world.hostname, exports: (id) => exportsOf(id) };

  const exportsOf = (id: string): Readonly<Record<string, AlloyValue>> | undefined => {
    const block = byId.get(id);
    if (block === undefined || COMPONENTS[block.name]?.label === 'none') return undefined;
    // A receiver is identified by its name: it need not be evaluated to be referenced.
    if (isReceiver(block.name)) return { receiver: { receiver: id } };
    const known = exports.get(id);
    if (known !== undefined) return known;
    if (busy.has(id)) throw new AlloySyntaxError(block.at, `cycle: ${[...busy, id].join(', ')}`);
    busy.add(id);
    try {
      const values = exported(componentOf(block), { world, at: block.at });
      exports.set(id, values);
      return values;
    } finally {
      busy.delete(id);
    }
  };
  const componentOf = (block: Block): Component => {
    const component = made.get(block) ?? { id: idOf(block), name: block.name, ...contents(block, COMPONENTS[block.name] as Shape) };
    made.set(block, component);
    return component;
  };
  const contents = (block: Block, shape: Shape): Omit<Component, 'id' | 'name'> => ({
    args: Object.fromEntries(
      block.body.flatMap((statement) => {
        if (statement.is === 'block') return [];
        const value = evaluate(statement.value, scope);
        const wanted = typeOf(shape, statement.name);
        if (value !== null && typeName(value) !== wanted) throw new AlloySyntaxError(statement.value.at, `expected ${wanted}, got ${typeName(value)}`);
        return [[statement.name, value] as const];
      }),
    ),
    blocks: block.body.flatMap((inner) => (inner.is === 'block' ? [{ name: inner.name, ...contents(inner, shape.blocks?.[inner.name] as Shape) }] : [])),
  });

  const deliver = (id: string, entry: LogEntry): void => {
    const block = byId.get(id);
    if (block === undefined) return;
    const component = componentOf(block);
    if (block.name === 'loki.write') return world.write(component, entry);
    const out = block.name === 'loki.relabel' ? relabeled(entry, component) : (stages.get(id)?.(entry) ?? [entry]);
    for (const one of out) forward(component.args['forward_to'], one);
  };
  const forward = (to: AlloyValue | undefined, entry: LogEntry): void => {
    for (const receiver of (to ?? []) as readonly { readonly receiver: string }[]) deliver(receiver.receiver, entry);
  };
  const graph: Graph = {
    ids: blocks.map(idOf),
    components(name) {
      exports = new Map();
      made = new Map();
      return blocks.filter((block) => block.name === name).map(componentOf);
    },
    forward,
  };
  for (const block of blocks) {
    const component = componentOf(block);
    exportsOf(component.id);
    checkReceivers(component, block);
    if (block.name === 'loki.process') stages.set(component.id, pipelineOf(specsOf(component.blocks)));
  }
  return graph;
}

function specsOf(blocks: Component['blocks']): readonly StageSpec[] {
  return blocks.map((block) => ({ name: block.name, args: block.args, stages: specsOf(block.blocks) }));
}

function checkReceivers(component: Component, block: Block): void {
  for (const item of (component.args['forward_to'] ?? []) as readonly AlloyValue[]) {
    if (typeName(item) !== 'capsule') throw new AlloySyntaxError(block.at, `expected capsule("loki.LogsReceiver"), got ${typeName(item)}`);
  }
}

function relabeled(entry: LogEntry, component: Component): readonly LogEntry[] {
  const labels = relabel(entry.labels, rulesOf(component));
  return labels === undefined ? [] : [{ ...entry, labels }];
}

export function rulesOf(component: Pick<Component, 'blocks'>): readonly RelabelRule[] {
  return component.blocks.filter((block) => block.name === 'rule').map((block) => ({ ...RULE_DEFAULTS, ...block.args }) as RelabelRule);
}

function exported(component: Component, of: { readonly world: GraphWorld; readonly at: Block['at'] }): Readonly<Record<string, AlloyValue>> {
  const { world, at } = of;
  const targets = (name: string): readonly Labels[] => (component.args[name] ?? []) as unknown as readonly Labels[];
  switch (component.name) {
    case 'discovery.kubernetes':
      return { targets: world.discover(component) };
    case 'discovery.relabel':
      return {
        output: targets('targets').flatMap((target) => {
          const labels = relabel(target, rulesOf(component));
          return labels === undefined ? [] : [labels];
        }),
        rules: [],
      };
    case 'local.file_match':
      return { targets: world.match(targets('path_targets')) };
    case 'local.file':
      try {
        return { content: world.read(String(component.args['filename'])) };
      } catch (error) {
        throw new AlloySyntaxError(at, `failed to read file: ${error instanceof Error ? error.message : String(error)}`);
      }
    default:
      return {};
  }
}
