# The values of Loki.
export MY_OFFICE_IP="203.0.113.7/32"

cat <<EOF > loki-values.yaml
loki:
   schemaConfig:
     configs:
       - from: "2024-04-01"
         store: tsdb
         object_store: s3
         schema: v13
         index:
           prefix: loki_index_
           period: 24h
   storage_config:
     aws:
       region: ${AWS_REGION}  
       bucketnames: ${CHUNK_BUCKET}
       s3forcepathstyle: false
   ingester:
       chunk_encoding: snappy
   pattern_ingester:
       enabled: true
   limits_config:
     allow_structured_metadata: true
     volume_enabled: true
     retention_period: 672h             # 28 days retention
   compactor:
     retention_enabled: true 
     delete_request_store: s3
   ruler:
    enable_api: true
    storage:
      type: s3
      s3:
        region: ${AWS_REGION}
        bucketnames: ${RULER_BUCKET}
        s3forcepathstyle: false
      alertmanager_url: http://prom:9093       # The URL of the Alertmanager to send alerts (Prometheus, Mimir, etc.)

   querier:
      max_concurrent: 4

   storage:
      type: s3
      bucketNames:
        chunks: "${CHUNK_BUCKET}" 
        ruler: "${RULER_BUCKET}" 
      s3:
        region: ${AWS_REGION}

serviceAccount:
 create: true
 annotations:
   "eks.amazonaws.com/role-arn": "arn:aws:iam::${ACCOUNT_ID}:role/LokiServiceAccountRole" 

deploymentMode: Distributed

ingester:
 replicas: 3
 zoneAwareReplication:
  enabled: false

querier:
 replicas: 3
 maxUnavailable: 2

queryFrontend:
 replicas: 2
 maxUnavailable: 1

queryScheduler:
 replicas: 2

distributor:
 replicas: 3
 maxUnavailable: 2
compactor:
 replicas: 1

indexGateway:
 replicas: 2
 maxUnavailable: 1

ruler:
 replicas: 1
 maxUnavailable: 1

# This exposes the Loki gateway so it can be written to and queried externaly
gateway:
 service:
   type: LoadBalancer
   loadBalancerSourceRanges:
      - ${MY_OFFICE_IP}                       # reachable from my address only
 basicAuth:                                   # the gateway asks for the login made in section 4 
     enabled: true
     existingSecret: loki-basic-auth

test:
  enabled: false

lokiCanary:
  enabled: false

# Enable minio for storage
minio:
 enabled: false

backend:
 replicas: 0
read:
 replicas: 0
write:
 replicas: 0

singleBinary:
 replicas: 0
EOF
