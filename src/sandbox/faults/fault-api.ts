/** What a fault may do to the simulated world. Everything is recorded, so that it can be reverted, and also applies to later objects. */
import { parse, stringify } from 'yaml';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { FailureClass } from '../../problems/failure-classes.ts';
import type { AwsAccount } from '../aws/account.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Evidence } from '../replay/document.ts';
import type { Replay } from '../replay/replay.ts';
import { isPod, type ObjectsWish, isObject, type PodWish } from '../replay/match.ts';
import { copy, type Doc, docOf, objectOf } from '../kube/document.ts';
import type { KubeStore } from '../kube/store.ts';
import type { ComponentStart, SandboxClock } from '../types.ts';

export interface Place {
  readonly account: AwsAccount;
  readonly store: KubeStore;
  readonly clock: SandboxClock;
  readonly cluster: Cluster;
  readonly replay: Replay;
}

/** Changes what is new in the account and returns how to revert it; nothing when there is nothing to do. */
export type AccountEdit = (account: AwsAccount, done: Set<string>) => (() => void) | undefined;

export interface FaultApi {
  readonly place: Place;
  readonly now: () => string;
  /** Changes each object once, including later ones; what depends on it is rolled out when it exists already. */
  change(where: ObjectsWish, edit: (object: Doc) => void | false, rollOut?: PodWish): void;
  create(object: KubeObject): void;
  remove(where: ObjectsWish): void;
  inject(evidence: Evidence): void;
  /** Now, and after every write to the account. */
  aws(edit: AccountEdit): void;
  /** Collectors stop reading, without any error. */
  stall(pods: PodWish): void;
  behave(pods: PodWish, start: (pod: KubeObject, container: string) => ComponentStart | undefined): void;
  /** A rolling update, as `kubectl rollout restart` does. */
  rollOut(pods: PodWish): void;
  /** Kills pods at once. */
  kill(pods: PodWish): void;
  /** Called when the fault is reverted. */
  later(undo: () => void): void;
}

export interface ClusterFault {
  /** The class of failure it simulates. */
  readonly name: FailureClass;
  readonly hop: string;
  /** One sentence: what it changes. */
  readonly does: string;
  readonly make: (api: FaultApi) => void;
  /** Milliseconds until it shows, unless it shows at once. */
  readonly showsAfterMs?: number;
}

const ROLLED = 'kubectl.kubernetes.io/restartedAt';

export const LOKI: PodWish = { component: 'loki' };
export const ALLOY: PodWish = { component: 'alloy' };
export const GATEWAY: PodWish = { component: 'gateway' };
export const LOKI_LABEL = 'app.kubernetes.io/name=loki';
export const ALLOY_LABEL = 'app.kubernetes.io/name=alloy';
/** An object of one part of Loki. */
export const part = (kind: string, component: string): ObjectsWish => ({ kind, selector: `${LOKI_LABEL},app.kubernetes.io/component=${component}` });
export const collector: ObjectsWish = { kind: 'DaemonSet', selector: ALLOY_LABEL };

export function changeText(
  api: FaultApi,
  of: { readonly selector: string; readonly key: string; readonly rollOut?: PodWish },
  edit: (text: string) => string,
): void {
  api.change(
    { kind: 'ConfigMap', selector: of.selector },
    (object) => {
      const text = object['data']?.[of.key] as string | undefined;
      const changed = text === undefined ? undefined : edit(text);
      if (changed === undefined || changed === text) return false;
      object['data'][of.key] = changed;
    },
    of.rollOut,
  );
}

/** Loki's configuration file, parsed. */
export const changeLoki = (api: FaultApi, edit: (config: Doc) => void): void =>
  changeText(api, { selector: LOKI_LABEL, key: 'config.yaml', rollOut: LOKI }, (text) => {
    const config = parse(text) as Doc;
    edit(config);
    return stringify(config);
  });

export const changePipeline = (api: FaultApi, edit: (text: string) => string): void =>
  changeText(api, { selector: ALLOY_LABEL, key: 'config.alloy', rollOut: ALLOY }, edit);

/** As if reloaded at once: nginx reads it for every request here. */
export const changeNginx = (api: FaultApi, edit: (text: string) => string): void => changeText(api, { selector: LOKI_LABEL, key: 'nginx.conf' }, edit);

/** Sets a dotted path, creating missing parents. */
export function set(config: Doc, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let at = config;
  for (const key of keys) at = at[key] ??= {};
  if (value === undefined) delete at[last];
  else at[last] = value;
}

export const templateOf = (workload: Doc): Doc => workload['spec'].template.spec;

export function createFaultApi(place: Place, by: string): FaultApi & { readonly called: () => void; readonly clear: () => void } {
  const { replay, store, account, clock } = place;
  const edits: { readonly edit: AccountEdit; readonly done: Set<string> }[] = [];
  const undos: (() => void)[] = [];
  const editAccount = ({ edit, done }: (typeof edits)[number]): void => {
    const undo = edit(account, done);
    if (undo !== undefined) undos.push(undo);
  };
  const kill = (pods: PodWish): void => {
    for (const pod of store.list('Pod').filter(isPod(pods))) store.delete('Pod', pod.metadata.namespace, pod.metadata.name);
  };
  let rolled = 0;
  const rollOut = (pods: PodWish): void => {
    rolled += 1;
    const fits = isPod(pods);
    for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet'])
      for (const workload of store.list(kind)) {
        const changed = copy(docOf(workload));
        const { template } = changed['spec'];
        const labels = template.metadata?.labels ?? {};
        if (!fits({ ...workload, kind: 'Pod', metadata: { ...workload.metadata, labels } })) continue;
        template.metadata = { ...template.metadata, annotations: { ...template.metadata?.annotations, [ROLLED]: `${by} ${rolled}` } };
        store.update(objectOf(changed));
      }
  };
  return {
    place,
    now: () => clock.now().toISOString(),
    change(where, edit, pods) {
      const changed = replay.objects.change(by, { kind: where.kind, fits: isObject(where), edit });
      if (pods === undefined) return;
      if (changed > 0) rollOut(pods);
      undos.push(() => rollOut(pods));
    },
    create: (object) => replay.objects.create(by, object),
    remove: (where) => replay.objects.remove(by, where),
    inject: (evidence) => replay.add(by, evidence),
    aws(edit) {
      const standing = { edit, done: new Set<string>() };
      edits.push(standing);
      editAccount(standing);
    },
    stall: (pods) => replay.stall(by, pods),
    behave(pods, start) {
      replay.behave(by, pods, start);
      kill(pods);
      undos.push(() => kill(pods));
    },
    rollOut(pods) {
      rollOut(pods);
      undos.push(() => rollOut(pods));
    },
    kill(pods) {
      kill(pods);
      undos.push(() => kill(pods));
    },
    later: (undo) => void undos.push(undo),
    called: () => edits.forEach(editAccount),
    clear() {
      edits.splice(0);
      replay.clear(by);
      // New pods come last: by then everything is restored.
      for (const undo of undos.splice(0).reverse()) undo();
    },
  };
}
