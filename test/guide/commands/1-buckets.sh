# Two buckets: older ones are deleted first, and both are made anew.
aws s3 rb s3://loki-aws-dev-chunks-${ACCOUNT_ID} --force 2>/dev/null || true
aws s3 rb s3://loki-aws-dev-ruler-${ACCOUNT_ID} --force 2>/dev/null || true

CHUNK_BUCKET=$(aws s3api create-bucket --bucket loki-aws-dev-chunks-${ACCOUNT_ID} --region ${AWS_REGION} \
  --create-bucket-configuration LocationConstraint=${AWS_REGION} --query "Location" --output text)
RULER_BUCKET=$(aws s3api create-bucket --bucket loki-aws-dev-ruler-${ACCOUNT_ID} --region ${AWS_REGION} \
  --create-bucket-configuration LocationConstraint=${AWS_REGION} --query "Location" --output text)

export CHUNK_BUCKET=$(echo ${CHUNK_BUCKET} | cut -d'/' -f3 | cut -d'.' -f1)
export RULER_BUCKET=$(echo ${RULER_BUCKET} | cut -d'/' -f3 | cut -d'.' -f1)
