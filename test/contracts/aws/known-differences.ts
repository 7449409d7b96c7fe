/** Where moto is known not to do what AWS does. A row whose case moto comes to pass must go: the test says so. */

export interface Difference {
  readonly why: string;
  /** What moto gives instead: an observation, or the name of the error the SDK throws. */
  readonly seen: unknown;
}

export const motoDiffers: Readonly<Record<string, Difference>> = {
  'CreateBucket in a region that is none': { why: 'accepted', seen: 'ok' },
  "CreateBucket answers with the bucket's URL": { why: 'always the form of us-east-1', seen: '/NAME' },
  'The old listing pages by marker': { why: 'NextMarker is not given when the page ends with a prefix', seen: [undefined, ['a', 'c']] },
  'A quiet bulk delete names only what failed': { why: 'Quiet is ignored', seen: [{ Key: 'a' }] },
  'A role that is not there is named': { why: 'other words', seen: 'Role none not found' },
  'HeadBucket of a bucket another account has': {
    why: 'moto lets every account in unless cross-account access is switched off, which spoils BucketAlreadyExists',
    seen: 'ok',
  },
  'CreateBucket with a bad name': { why: 'only the length is checked', seen: 'ok' },
  'CreateBucket with tags': { why: 'tags at creation are ignored', seen: 'NoSuchTagSet' },
  'CreateBucket with an account-regional name but without asking for it': { why: 'accepted', seen: 'ok' },
  'HeadBucket from another region': { why: 'no redirects', seen: 'ok' },
  'A call that expects another owner': { why: 'ExpectedBucketOwner is ignored', seen: ['ok', 'ok'] },
  'A new bucket has its access block, encryption and ownership set': {
    why: 'a new bucket has none of them',
    seen: ['NoSuchPublicAccessBlockConfiguration 404', 'ServerSideEncryptionConfigurationNotFoundError 404', 'OwnershipControlsNotFoundError 404'],
  },
  'A policy that is no JSON is refused': { why: 'any text is stored', seen: 'ok' },
  'A TLS-only policy is kept, and lets TLS callers work': { why: 'Deny is enforced without its Condition', seen: ['TlsOnly', '403'] },
  'A public policy is blocked': { why: 'the access block does not look at policies', seen: 'ok' },
  'A name just deleted cannot be taken at once': { why: 'nothing is eventually consistent', seen: 'ok' },
  'Versions page within a key, also while they are deleted': { why: 'marker paging loses entries when they are deleted meanwhile', seen: [[2, 0], 5] },
  'Bulk delete of more than a thousand keys': { why: 'accepted', seen: ['ok', 'MalformedXML 400'] },
  'A role name is taken once, whatever its case and path': { why: 'names are compared with their case', seen: ['EntityAlreadyExistsException 409', 'ok'] },
  'A role name of 65 letters': { why: 'accepted', seen: 'ok' },
  'A trust policy that is no JSON': { why: 'accepted', seen: 'ok' },
  'A boundary that is not there': { why: 'accepted', seen: 'ok' },
  "A managed policy's document is encoded": { why: 'given back raw', seen: false },
  'A managed policy that is attached, or has versions, stays': { why: 'deleted all the same', seen: ['ok', 'ok'] },
  'An audience is added to an OIDC provider': { why: 'not implemented', seen: 'Error 500' },
  "Simulating a role's policies": { why: 'not implemented', seen: 'Error' },
  'A service account takes on the role that trusts it': { why: 'tokens are not looked at', seen: ['ok', 'ok', 'ok'] },
  "A cluster's network, access and Auto Mode": { why: 'fields are absent', seen: ['undefined', undefined, undefined, undefined, undefined, undefined] },
  'Add-ons': { why: 'not implemented', seen: 'SyntaxError' },
  'A pod identity association comes, is changed, tagged, and goes': { why: 'not implemented', seen: 'SyntaxError' },
  'Access entries': { why: 'not implemented', seen: 'SyntaxError' },
};
