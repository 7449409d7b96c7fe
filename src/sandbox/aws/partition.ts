/** What differs between AWS partitions: ARN prefix, host suffix, and which regions belong to which. */

export interface Partition {
  readonly name: string;
  readonly hostSuffix: string;
}

export function partitionOfRegion(region: string): Partition {
  if (region.startsWith('cn-')) return { name: 'aws-cn', hostSuffix: 'amazonaws.com.cn' };
  if (region.startsWith('us-gov-')) return { name: 'aws-us-gov', hostSuffix: 'amazonaws.com' };
  if (region.startsWith('eusc-')) return { name: 'aws-eusc', hostSuffix: 'amazonaws.eu' };
  return { name: 'aws', hostSuffix: 'amazonaws.com' };
}

const regionsByPartition: Readonly<Record<string, readonly string[]>> = {
  aws: [
    'us-east-1',
    'us-east-2',
    'us-west-1',
    'us-west-2',
    'ca-central-1',
    'sa-east-1',
    'eu-west-1',
    'eu-west-2',
    'eu-west-3',
    'eu-central-1',
    'eu-north-1',
    'eu-south-1',
    'ap-northeast-1',
    'ap-northeast-2',
    'ap-northeast-3',
    'ap-southeast-1',
    'ap-southeast-2',
    'ap-south-1',
    'ap-east-1',
    'af-south-1',
    'me-south-1',
    'me-central-1',
    'il-central-1',
  ],
  'aws-cn': ['cn-north-1', 'cn-northwest-1'],
  'aws-us-gov': ['us-gov-west-1', 'us-gov-east-1'],
  'aws-eusc': ['eusc-de-east-1'],
};

export function regionsOf(partition: string): readonly string[] {
  return regionsByPartition[partition] ?? [];
}

/** The region whose endpoint signs for the partition's global services (IAM), and where S3 has no LocationConstraint. */
export const classicRegion = 'us-east-1';
