/** Changes made once to each matching object, existing or created later, and statuses that stay as they were set. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { copy, docOf, objectOf, type Doc } from '../kube/document.ts';
import type { KubeStore } from '../kube/store.ts';
import { mergePatch } from '../kube/patch.ts';
import type { StatusEvidence } from './document.ts';
import { isObject, type ObjectsWish } from './match.ts';

export interface Change {
  readonly kind: string;
  readonly fits: (object: KubeObject) => boolean;
  /** Changes the copy it is given; `false` when it does not apply to this object. */
  readonly edit: (object: Doc) => void | false;
}

export interface ObjectLayer {
  /** Returns how many objects were changed at once. */
  change(by: string, change: Change): number;
  create(by: string, object: KubeObject): void;
  remove(by: string, wish: ObjectsWish): void;
  status(by: string, evidence: StatusEvidence): void;
  /** Reverts everything, the last change first. Objects that were deleted or recreated meanwhile are left alone. */
  clear(by: string): void;
  /** The store whose statuses are the injected ones. */
  readonly store: KubeStore;
}

interface Standing {
  readonly by: string;
  readonly change: Change;
  readonly done: Set<string>;
}

/** Kinds whose status no controller writes again. */
const KEEPS_STATUS = ['Namespace', 'Node'];

export function createObjectLayer(real: KubeStore): ObjectLayer {
  let standing: readonly Standing[] = [];
  let statuses: readonly { readonly by: string; readonly kind: string; readonly fits: (object: KubeObject) => boolean; readonly patch: unknown }[] = [];
  /** Statuses without the injected ones. */
  const wished = new Map<string, unknown>();
  let undos: readonly { readonly by: string; readonly undo: () => void }[] = [];
  const remember = (by: string, undo: () => void): void => void (undos = [...undos, { by, undo }]);
  const uidOf = (object: KubeObject): string => object.metadata.uid ?? '';
  const current = ({ kind, metadata }: KubeObject) => real.get(kind, metadata.namespace, metadata.name);

  const overlaid = (object: KubeObject, status: unknown): unknown =>
    statuses.filter(({ fits }) => fits(object)).reduce((patched, { patch }) => mergePatch(patched, patch), status);
  const store: KubeStore = {
    ...real,
    setStatus(kind, namespace, name, status) {
      const object = statuses.length === 0 ? undefined : real.get(kind, namespace, name);
      if (object === undefined || !statuses.some(({ fits }) => fits(object))) return real.setStatus(kind, namespace, name, status);
      wished.set(uidOf(object), status);
      return real.setStatus(kind, namespace, name, overlaid(object, status) as object);
    },
  };

  const apply = ({ by, change, done }: Standing, object: KubeObject): boolean => {
    if (object.kind !== change.kind || done.has(uidOf(object)) || !change.fits(object)) return false;
    const edited = copy(docOf(object));
    if (change.edit(edited) === false) return false;
    done.add(uidOf(object));
    const before = objectOf(copy(docOf(object)));
    real.update(objectOf(edited));
    remember(by, () => {
      const now = current(before);
      if (now !== undefined && uidOf(now) === uidOf(before)) real.update(objectOf({ ...docOf(before), status: docOf(now).status }));
    });
    return true;
  };
  real.subscribe(({ type, object }) => {
    if (type !== 'ADDED') return;
    for (const rule of standing) if (rule.change.kind === object.kind) apply(rule, current(object) ?? object);
    if (statuses.some(({ fits }) => fits(object))) store.setStatus(object.kind, object.metadata.namespace, object.metadata.name, object['status'] ?? {});
  });

  return {
    store,
    change(by, change) {
      const rule: Standing = { by, change, done: new Set() };
      standing = [...standing, rule];
      return real.list(change.kind).filter((object) => apply(rule, object)).length;
    },
    create(by, object) {
      const { kind, metadata } = object;
      if (current(object) !== undefined) {
        const fits = isObject({ kind, name: metadata.name, ...(metadata.namespace && { namespace: metadata.namespace }) });
        const { metadata: given, ...rest } = object;
        this.change(by, { kind, fits, edit: (found) => void Object.assign(found, rest, { metadata: { ...found.metadata, ...given } }) });
        return;
      }
      if (metadata.namespace !== undefined && real.get('Namespace', undefined, metadata.namespace) === undefined)
        this.create(by, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: metadata.namespace } });
      const made = real.create(object);
      remember(by, () => {
        const now = current(made);
        if (now !== undefined && uidOf(now) === uidOf(made)) real.delete(kind, metadata.namespace, metadata.name);
      });
    },
    remove(by, wish) {
      for (const object of real.list(wish.kind).filter(isObject(wish))) {
        const { status, ...kept } = copy(docOf(object));
        real.delete(object.kind, object.metadata.namespace, object.metadata.name);
        remember(by, () => {
          if (current(object) === undefined) real.create(objectOf({ ...kept, ...(KEEPS_STATUS.includes(object.kind) && { status }) }));
        });
      }
    },
    status(by, { patch, ...wish }) {
      const fits = isObject(wish);
      statuses = [...statuses, { by, kind: wish.kind, fits, patch }];
      for (const object of real.list(wish.kind).filter(fits))
        store.setStatus(object.kind, object.metadata.namespace, object.metadata.name, (wished.get(uidOf(object)) ?? object['status'] ?? {}) as object);
    },
    clear(by) {
      standing = standing.filter((rule) => rule.by !== by);
      const gone = statuses.filter((rule) => rule.by === by);
      statuses = statuses.filter((rule) => rule.by !== by);
      for (const object of [...new Set(gone.map(({ kind }) => kind))].flatMap((kind) => real.list(kind))) {
        const status = wished.get(uidOf(object));
        if (status === undefined || !gone.some(({ fits }) => fits(object))) continue;
        wished.delete(uidOf(object));
        store.setStatus(object.kind, object.metadata.namespace, object.metadata.name, status as object);
      }
      const mine = undos.filter((one) => one.by === by);
      undos = undos.filter((one) => one.by !== by);
      for (const { undo } of [...mine].reverse()) undo();
    },
  };
}
