/** Decodes request bodies in Kubernetes' protobuf envelope: the kinds that Go clients send that way. Answers are always JSON. */
import type { Doc } from './document.ts';
import { badRequest, unsupportedMedia } from './status.ts';

/** `name:type`, where the type is a scalar, a message below, `[]` of either, or `{}` for a map with string keys. */
type Message = Readonly<Record<number, string>>;

const MESSAGES: Readonly<Record<string, Message>> = {
  ObjectMeta: {
    1: 'name:string',
    2: 'generateName:string',
    3: 'namespace:string',
    5: 'uid:string',
    6: 'resourceVersion:string',
    8: 'creationTimestamp:Time',
    11: 'labels:{}string',
    12: 'annotations:{}string',
    13: 'ownerReferences:[]OwnerReference',
    14: 'finalizers:[]string',
  },
  OwnerReference: { 1: 'kind:string', 3: 'name:string', 4: 'uid:string', 5: 'apiVersion:string', 6: 'controller:bool', 7: 'blockOwnerDeletion:bool' },
  ObjectReference: {
    1: 'kind:string',
    2: 'namespace:string',
    3: 'name:string',
    4: 'uid:string',
    5: 'apiVersion:string',
    6: 'resourceVersion:string',
    7: 'fieldPath:string',
  },
  LocalReference: { 1: 'name:string' },
  Preconditions: { 1: 'uid:string', 2: 'resourceVersion:string' },
  ResourceAttributes: {
    1: 'namespace:string',
    2: 'verb:string',
    3: 'group:string',
    4: 'version:string',
    5: 'resource:string',
    6: 'subresource:string',
    7: 'name:string',
  },
  NonResourceAttributes: { 1: 'path:string', 2: 'verb:string' },
  AccessSpec: { 1: 'resourceAttributes:ResourceAttributes', 2: 'nonResourceAttributes:NonResourceAttributes', 3: 'user:string', 4: 'groups:[]string' },
  RulesSpec: { 1: 'namespace:string' },
  BoundObject: { 1: 'kind:string', 2: 'apiVersion:string', 3: 'name:string', 4: 'uid:string' },
  TokenRequestSpec: { 1: 'audiences:[]string', 3: 'boundObjectRef:BoundObject', 4: 'expirationSeconds:int' },
  TokenReviewSpec: { 1: 'token:string', 2: 'audiences:[]string' },
  ScaleSpec: { 1: 'replicas:int' },
  NamespaceSpec: { 1: 'finalizers:[]string' },
  NamespaceStatus: { 1: 'phase:string' },
  EventSource: { 1: 'component:string', 2: 'host:string' },
  LeaseSpec: { 1: 'holderIdentity:string', 2: 'leaseDurationSeconds:int', 3: 'acquireTime:Time', 4: 'renewTime:Time', 5: 'leaseTransitions:int' },
  PolicyRule: { 1: 'verbs:[]string', 2: 'apiGroups:[]string', 3: 'resources:[]string', 4: 'resourceNames:[]string', 5: 'nonResourceURLs:[]string' },
  RbacSubject: { 1: 'kind:string', 2: 'apiGroup:string', 3: 'name:string', 4: 'namespace:string' },
  RoleRef: { 1: 'apiGroup:string', 2: 'kind:string', 3: 'name:string' },
};

const META = { 1: 'metadata:ObjectMeta' };

const KINDS: Readonly<Record<string, Message>> = {
  Secret: { ...META, 2: 'data:{}bytes', 3: 'type:string', 4: 'stringData:{}string', 5: 'immutable:bool' },
  ConfigMap: { ...META, 2: 'data:{}string', 3: 'binaryData:{}bytes', 4: 'immutable:bool' },
  Namespace: { ...META, 2: 'spec:NamespaceSpec', 3: 'status:NamespaceStatus' },
  ServiceAccount: { ...META, 2: 'secrets:[]ObjectReference', 3: 'imagePullSecrets:[]LocalReference', 4: 'automountServiceAccountToken:bool' },
  DeleteOptions: {
    1: 'gracePeriodSeconds:int',
    2: 'preconditions:Preconditions',
    3: 'orphanDependents:bool',
    4: 'propagationPolicy:string',
    5: 'dryRun:[]string',
  },
  SelfSubjectAccessReview: { ...META, 2: 'spec:AccessSpec' },
  SubjectAccessReview: { ...META, 2: 'spec:AccessSpec' },
  LocalSubjectAccessReview: { ...META, 2: 'spec:AccessSpec' },
  SelfSubjectRulesReview: { ...META, 2: 'spec:RulesSpec' },
  SelfSubjectReview: META,
  TokenRequest: { ...META, 2: 'spec:TokenRequestSpec' },
  TokenReview: { ...META, 2: 'spec:TokenReviewSpec' },
  Scale: { ...META, 2: 'spec:ScaleSpec' },
  Eviction: { ...META, 2: 'deleteOptions:DeleteOptions' },
  Lease: { ...META, 2: 'spec:LeaseSpec' },
  Role: { ...META, 2: 'rules:[]PolicyRule' },
  ClusterRole: { ...META, 2: 'rules:[]PolicyRule' },
  RoleBinding: { ...META, 2: 'subjects:[]RbacSubject', 3: 'roleRef:RoleRef' },
  ClusterRoleBinding: { ...META, 2: 'subjects:[]RbacSubject', 3: 'roleRef:RoleRef' },
  Event: {
    ...META,
    2: 'involvedObject:ObjectReference',
    3: 'reason:string',
    4: 'message:string',
    5: 'source:EventSource',
    6: 'firstTimestamp:Time',
    7: 'lastTimestamp:Time',
    8: 'count:int',
    9: 'type:string',
    10: 'eventTime:Time',
    14: 'reportingComponent:string',
    15: 'reportingInstance:string',
  },
};

type Raw = bigint | Buffer;

/** The fields of a message by number, each occurrence in order. */
function fields(bytes: Buffer): ReadonlyMap<number, readonly Raw[]> {
  const found = new Map<number, Raw[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw badRequest('the protobuf body ends in the middle of a field');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const slice = (length: number): Buffer => {
    at += length;
    if (at > bytes.length) throw badRequest('the protobuf body ends in the middle of a field');
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const value = wire === 0 ? varint() : wire === 2 ? slice(Number(varint())) : slice(wire === 1 ? 8 : 4);
    found.set(tag >> 3, [...(found.get(tag >> 3) ?? []), value]);
  }
  return found;
}

const bytesOf = (raw: Raw | undefined): Buffer => (Buffer.isBuffer(raw) ? raw : Buffer.alloc(0));
const numberOf = (raw: Raw | undefined): number => (typeof raw === 'bigint' ? Number(BigInt.asIntN(64, raw)) : 0);

/** `undefined` for what Go's JSON would leave out: empty texts and zero times. */
function scalar(type: string, raw: Raw): unknown {
  if (type === 'string') return bytesOf(raw).toString() || undefined;
  if (type === 'bytes') return bytesOf(raw).toString('base64');
  if (type === 'int') return numberOf(raw);
  if (type === 'bool') return numberOf(raw) === 1;
  if (type === 'Time') {
    const seconds = numberOf(fields(bytesOf(raw)).get(1)?.[0]);
    return seconds > 0 ? new Date(seconds * 1000).toISOString().replace('.000Z', 'Z') : undefined;
  }
  const schema = MESSAGES[type] ?? KINDS[type];
  if (!schema) throw new Error(`no protobuf schema called ${type}`);
  return message(schema, bytesOf(raw));
}

function entry(type: string, raw: Raw): [string, unknown] {
  const parts = fields(bytesOf(raw));
  return [bytesOf(parts.get(1)?.[0]).toString(), scalar(type, parts.get(2)?.[0] ?? Buffer.alloc(0)) ?? ''];
}

function message(schema: Message, bytes: Buffer): Doc {
  const doc: Doc = {};
  for (const [number, values] of fields(bytes)) {
    const [name = '', type = ''] = schema[number]?.split(':') ?? [];
    if (name === '') continue;
    if (type.startsWith('{}')) doc[name] = Object.fromEntries(values.map((raw) => entry(type.slice(2), raw)));
    else if (type.startsWith('[]')) doc[name] = values.map((raw) => scalar(type.slice(2), raw) ?? '');
    else doc[name] = scalar(type, values.at(-1) ?? Buffer.alloc(0));
  }
  return doc;
}

const MAGIC = Buffer.from('k8s\0', 'latin1');

/** Gives the document as its JSON form would read. 415 for a kind without a schema here. */
export function decodeProtobuf(body: Buffer): Doc {
  if (!body.subarray(0, 4).equals(MAGIC)) throw badRequest('the body is not in Kubernetes protobuf encoding');
  const envelope = fields(body.subarray(4));
  const type = fields(bytesOf(envelope.get(1)?.[0]));
  const apiVersion = bytesOf(type.get(1)?.[0]).toString();
  const kind = bytesOf(type.get(2)?.[0]).toString();
  const schema = KINDS[kind];
  if (!schema) throw unsupportedMedia(`the sandbox reads ${apiVersion} ${kind} as JSON or YAML only, not as protobuf`);
  return { apiVersion, kind, ...message(schema, bytesOf(envelope.get(2)?.[0])) };
}
