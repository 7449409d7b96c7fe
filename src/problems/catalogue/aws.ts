/** Problems of the area "aws". */
import { rows } from '../row.ts';

export const aws = rows({
  AWS_CREDENTIALS_MISSING: {
    title: 'No AWS credentials were found',
    cause: 'Neither the environment, nor a profile, nor the machine\'s role gave credentials.',
    fix: 'aws sso login, or set AWS_PROFILE',
    exit: 3,
    explain: 'The AWS SDK\'s own chain is used: environment, shared config and SSO, web identity, container and instance roles.',
  },
});
