/** Creating and changing objects by the API's rules: identity, defaults, validation, generations, no-ops. */
import { randomInt, randomUUID } from 'node:crypto';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { SandboxClock } from '../types.ts';
import { applyDefaults } from './defaults.ts';
import type { Surroundings } from './defaults.ts';
import { copy, docOf, objectOf, same, stamp } from './document.ts';
import type { Doc } from './document.ts';
import { guardImmutable } from './immutable.ts';
import type { Resource } from './resources.ts';
import type { WatchCache } from './watch-cache.ts';
import { alreadyExists, badRequest, conflict, forbidden, notFound } from './status.ts';
import { validate } from './validate.ts';

/** Returns `metadata.managedFields` of the object to be written. */
export type Track = (before: Doc | undefined, after: Doc) => readonly Doc[];

export interface InsertOptions {
  readonly namespace?: string;
  readonly dryRun?: boolean;
  /** The writer is part of the cluster: a given status is kept. */
  readonly trusted?: boolean;
  readonly track?: Track;
}

export interface WriteOptions {
  /** `main` keeps the current status, `status` keeps everything else, `all` (the cluster's own components) replaces both. */
  readonly part: 'main' | 'status' | 'all';
  readonly dryRun?: boolean;
  readonly track?: Track;
}

export interface Writes {
  insert(resource: Resource, draft: Doc, options?: InsertOptions): KubeObject;
  write(resource: Resource, before: KubeObject, draft: Doc, options: WriteOptions): KubeObject;
}

export interface WriteParts {
  readonly cache: WatchCache;
  readonly clock: SandboxClock;
  readonly around: Surroundings;
  readonly namespaces: Resource;
  /** Called with an object that has lost its last finalizer while terminating. */
  readonly released: (resource: Resource, object: KubeObject) => void;
}

const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';
const suffix = (): string => Array.from({ length: 5 }, () => SUFFIX[randomInt(SUFFIX.length)]).join('');

/** Everything that distinguishes two states of an object for a client: not when, or at which revision, it was written. */
function essence(object: Doc): Doc {
  const { resourceVersion: _revision, managedFields, ...metadata } = object.metadata;
  const managers = (managedFields ?? []).map(({ time: _time, ...entry }: Doc) => entry);
  return { ...object, metadata: { ...metadata, managers } };
}

/** What `metadata.generation` counts: changes of the desired state, not of the status. */
function wish(object: Doc): Doc {
  const { metadata: _metadata, status: _status, apiVersion: _version, ...rest } = object;
  return rest;
}

/** A service that is replaced without its addresses keeps them. */
function keepAddresses(before: Doc, after: Doc): void {
  if (after.kind !== 'Service' || after.spec?.type === 'ExternalName' || before.spec?.type === 'ExternalName') return;
  after.spec ??= {};
  after.spec.clusterIP ||= before.spec?.clusterIP;
  after.spec.clusterIPs ??= after.spec.clusterIP === before.spec?.clusterIP ? before.spec?.clusterIPs : undefined;
  for (const port of after.spec.ports ?? []) {
    const former = (before.spec?.ports ?? []).find((entry: Doc) => entry.port === port.port && (entry.protocol ?? 'TCP') === (port.protocol ?? 'TCP'));
    if (former?.nodePort && after.spec.type && after.spec.type !== 'ClusterIP') port.nodePort ??= former.nodePort;
  }
  if (before.spec?.type === 'ClusterIP' || (after.spec.type ?? 'ClusterIP') !== 'ClusterIP') return;
  // No longer external: the fields that belong to it are dropped.
  for (const port of after.spec.ports ?? []) delete port.nodePort;
  for (const field of ['externalTrafficPolicy', 'allocateLoadBalancerNodePorts', 'healthCheckNodePort']) delete after.spec[field];
}

/** The server drops empty maps and lists of metadata. */
function leaveOutEmpty(metadata: Doc): void {
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences'])
    if (metadata[key] && Object.keys(metadata[key] as object).length === 0) delete metadata[key];
}

/** It also drops null fields of known kinds. */
function leaveOutNulls(node: Doc): void {
  for (const [key, value] of Object.entries(node)) {
    if (value === null && !Array.isArray(node)) delete node[key];
    else if (value !== null && typeof value === 'object') leaveOutNulls(value as Doc);
  }
}

export function createWrites(parts: WriteParts): Writes {
  const { cache, clock, around, namespaces } = parts;

  const guardNamespace = (resource: Resource, namespace: string, name: string): void => {
    const home = cache.get(namespaces, undefined, namespace);
    if (!home) throw notFound(namespaces, namespace);
    if (!home.metadata.deletionTimestamp) return;
    const message = `namespace ${namespace} is being terminated`;
    throw forbidden(resource, name, `unable to create new content in namespace ${namespace} because it is being terminated`, [
      { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' },
    ]);
  };

  const identify = (resource: Resource, draft: Doc, options: InsertOptions): Doc => {
    const given: Doc = draft.metadata ?? {};
    if (options.namespace !== undefined && given.namespace && given.namespace !== options.namespace) {
      throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
    }
    const { uid: _uid, resourceVersion: _revision, selfLink: _link, deletionTimestamp: _deleted, generation: _generation, ...metadata } = given;
    const namespace = options.namespace ?? given.namespace;
    delete metadata.namespace;
    if (!metadata.name && metadata.generateName) metadata.name = `${metadata.generateName}${suffix()}`;
    return {
      ...metadata,
      ...(resource.namespaced && { namespace }),
      uid: randomUUID(),
      creationTimestamp: (options.trusted && given.creationTimestamp) || stamp(clock.now()),
      ...(resource.counted && { generation: 1 }),
    };
  };

  const writeStatus = (resource: Resource, before: KubeObject, draft: Doc): KubeObject => {
    const { status: former, ...old } = docOf(before);
    const { uid, name } = before.metadata;
    if (draft.metadata?.uid && draft.metadata.uid !== uid) {
      throw conflict(resource, name, `Precondition failed: UID in precondition: ${draft.metadata.uid}, UID in object meta: ${uid}`);
    }
    const status: unknown = copy(draft.status);
    if (same(status, former)) return before;
    return cache.put(resource, objectOf({ ...old, ...(status !== undefined && { status }) }));
  };

  return {
    insert(resource, draft, options = {}) {
      const { status, apiVersion: _version, kind: _kind, ...body } = copy(draft);
      const metadata = identify(resource, body, options);
      const after: Doc = { apiVersion: resource.apiVersion, kind: resource.kind, ...body, metadata };
      const keepsStatus = options.trusted || !resource.subresources.includes('status');
      if (status !== undefined && keepsStatus) after.status = status;
      if (resource.namespaced) guardNamespace(resource, metadata.namespace ?? '', metadata.name ?? '');
      if (metadata.name && cache.get(resource, metadata.namespace, metadata.name)) throw alreadyExists(resource, metadata.name);
      applyDefaults(after, around);
      validate(resource, after);
      leaveOutEmpty(after.metadata);
      if (resource.custom === undefined) leaveOutNulls(after);
      delete after.metadata.managedFields;
      const managedFields = options.track?.(undefined, after);
      if (managedFields?.length) after.metadata.managedFields = managedFields;
      return options.dryRun ? objectOf(after) : cache.put(resource, objectOf(after));
    },

    write(resource, before, draft, options) {
      const old = docOf(before);
      // Kubelets and controllers of thousands of nodes write little else, so only the change is copied and compared.
      if (options.part === 'status' && !options.track && !options.dryRun && !old.metadata.deletionTimestamp) return writeStatus(resource, before, draft);
      const given = copy(draft);
      const { uid, resourceVersion, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, name, namespace } = old.metadata;
      if (given.metadata?.uid && given.metadata.uid !== uid) {
        throw conflict(resource, name, `Precondition failed: UID in precondition: ${given.metadata.uid}, UID in object meta: ${uid}`);
      }
      const identity = {
        name,
        uid,
        resourceVersion,
        creationTimestamp,
        ...(namespace && { namespace }),
        ...(generation && { generation }),
        ...(deletionTimestamp && { deletionTimestamp, ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }) }),
      };
      const ownStatus = options.part === 'main' && resource.subresources.includes('status');
      const after: Doc =
        options.part === 'status'
          ? { ...copy(old), status: given.status }
          : { ...given, apiVersion: resource.apiVersion, kind: resource.kind, metadata: { ...given.metadata, ...identity } };
      if (ownStatus) {
        delete after.status;
        if (old.status !== undefined) after.status = old.status;
      }
      if (options.part !== 'status') {
        keepAddresses(old, after);
        applyDefaults(after, around);
        validate(resource, after);
        leaveOutEmpty(after.metadata);
        if (resource.custom === undefined) leaveOutNulls(after);
        if (options.part === 'main') guardImmutable(resource, old, after);
        if (resource.counted && !same(wish(old), wish(after))) after.metadata.generation = (generation ?? 1) + 1;
      }
      if (after.status === undefined) delete after.status;
      const managedFields = options.track ? options.track(old, after) : old.metadata.managedFields;
      delete after.metadata.managedFields;
      if (managedFields?.length) after.metadata.managedFields = managedFields;
      if (same(essence(copy(after)), essence(old))) return before;
      if (options.dryRun) return objectOf(after);
      const stored = cache.put(resource, objectOf(copy(after)));
      if (deletionTimestamp && !stored.metadata.finalizers?.length) parts.released(resource, stored);
      return stored;
    },
  };
}
