import { expect, test } from 'vitest';
import { principalOf } from './permissions.ts';

test.each([
  ['arn:aws:iam::123456789012:user/team/me', { arn: 'arn:aws:iam::123456789012:user/team/me' }],
  [
    'arn:aws-cn:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123/me@corp',
    { role: 'AWSReservedSSO_Admin_0123', bare: 'arn:aws-cn:iam::123456789012:role/AWSReservedSSO_Admin_0123' },
  ],
  ['arn:aws:iam::123456789012:root', undefined],
  ['arn:aws:sts::123456789012:federated-user/me', undefined],
])('%s is simulated as %j', (arn, expected) => {
  expect(principalOf(arn)).toEqual(expected);
});
