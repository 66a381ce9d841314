# Every resource of IAM and S3 that a manifest can make, as somebody writes them by hand, in two accounts.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "endpoint" {
  type = string
}

locals {
  dev  = "111111111111"
  prod = "222222222222"
  only = { team = "data", stage = "prod" }
}

provider "aws" {
  alias             = "dev"
  region            = "us-east-1"
  access_key        = local.dev
  secret_key        = "any"
  s3_use_path_style = true
  endpoints {
    iam = var.endpoint
    s3  = var.endpoint
    sts = var.endpoint
  }
}

provider "aws" {
  alias             = "prod"
  region            = "ap-southeast-1"
  access_key        = local.prod
  secret_key        = "any"
  s3_use_path_style = true
  default_tags {
    tags = { owner = "platform" }
  }
  endpoints {
    iam = var.endpoint
    s3  = var.endpoint
    sts = var.endpoint
  }
}

# The trusted account.

resource "aws_iam_user" "ann" {
  provider      = aws.dev
  name          = "ann"
  path          = "/team/"
  tags          = local.only
  force_destroy = false
}

resource "aws_iam_group" "developers" {
  provider = aws.dev
  name     = "Developers"
  path     = "/team/"
}

resource "aws_iam_user_group_membership" "ann" {
  provider = aws.dev
  user     = aws_iam_user.ann.name
  groups   = [aws_iam_group.developers.name]
}

resource "aws_iam_policy" "may_assume" {
  provider    = aws.dev
  name        = "MayAssume"
  path        = "/team/"
  description = "Lets in"
  tags        = local.only
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Resource = aws_iam_role.data.arn }]
  })
}

resource "aws_iam_group_policy_attachment" "may_assume" {
  provider   = aws.dev
  group      = aws_iam_group.developers.name
  policy_arn = aws_iam_policy.may_assume.arn
}

resource "aws_iam_user_policy_attachment" "may_assume" {
  provider   = aws.dev
  user       = aws_iam_user.ann.name
  policy_arn = aws_iam_policy.may_assume.arn
}

resource "aws_iam_group_policy" "own" {
  provider = aws.dev
  name     = "own"
  group    = aws_iam_group.developers.name
  policy   = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iam:GetUser", Resource = "*" }] })
}

resource "aws_iam_user_policy" "own" {
  provider = aws.dev
  name     = "own"
  user     = aws_iam_user.ann.name
  policy   = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:ListAllMyBuckets", Resource = "*" }] })
}

# The trusting account.

resource "aws_iam_openid_connect_provider" "pipeline" {
  provider       = aws.prod
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
  tags           = local.only
}

resource "aws_iam_policy" "most" {
  provider = aws.prod
  name     = "Most"
  policy   = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "Most", Effect = "Allow", Action = ["s3:*", "kms:*"], Resource = "*" }] })
}

resource "aws_iam_role" "data" {
  provider             = aws.prod
  name                 = "Data"
  path                 = "/shared/"
  description          = "Reads data"
  max_session_duration = 7200
  permissions_boundary = aws_iam_policy.most.arn
  tags                 = local.only
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { AWS = [aws_iam_user.ann.arn, "arn:aws:iam::${local.dev}:root"] }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "sts:ExternalId" = "an-external-id" }, Bool = { "aws:MultiFactorAuthPresent" = "true" } }
      },
      {
        Effect    = "Allow"
        Principal = { Federated = aws_iam_openid_connect_provider.pipeline.arn }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
          StringLike   = { "token.actions.githubusercontent.com:sub" = "repo:example-org/access:*" }
        }
      },
      { Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" },
    ]
  })
}

resource "aws_iam_role_policy" "read" {
  provider = aws.prod
  name     = "read"
  role     = aws_iam_role.data.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = aws_s3_bucket.data.arn },
      { Effect = "Allow", Action = "s3:GetObject", Resource = "${aws_s3_bucket.data.arn}/*" },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "aws" {
  provider   = aws.prod
  role       = aws_iam_role.data.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
}

resource "aws_iam_instance_profile" "data" {
  provider = aws.prod
  name     = "Data"
  path     = "/shared/"
  role     = aws_iam_role.data.name
  tags     = local.only
}

resource "aws_s3_bucket" "logs" {
  provider = aws.prod
  bucket   = "terraform-by-hand-logs"
}

resource "aws_s3_bucket" "data" {
  provider = aws.prod
  bucket   = "terraform-by-hand-data"
  tags     = local.only
}

resource "aws_s3_bucket_versioning" "data" {
  provider = aws.prod
  bucket   = aws_s3_bucket.data.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  provider = aws.prod
  bucket   = aws_s3_bucket.data.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = "arn:aws:kms:ap-southeast-1:222222222222:key/0d2c6b1e-6f3e-4c1e-9c53-1a2b3c4d5e6f"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "data" {
  provider                = aws.prod
  bucket                  = aws_s3_bucket.data.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "data" {
  provider = aws.prod
  bucket   = aws_s3_bucket.data.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "logs" {
  provider = aws.prod
  bucket   = aws_s3_bucket.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Logs"
      Effect    = "Allow"
      Principal = { Service = "logging.s3.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.logs.arn}/data/*"
      Condition = { ArnLike = { "aws:SourceArn" = aws_s3_bucket.data.arn }, StringEquals = { "aws:SourceAccount" = local.prod } }
    }]
  })
}

resource "aws_s3_bucket_logging" "data" {
  provider      = aws.prod
  bucket        = aws_s3_bucket.data.id
  target_bucket = aws_s3_bucket_policy.logs.bucket
  target_prefix = "data/"
}

resource "aws_s3_bucket_policy" "data" {
  provider   = aws.prod
  bucket     = aws_s3_bucket.data.id
  depends_on = [aws_s3_bucket_public_access_block.data]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Role", Effect = "Allow", Principal = { AWS = aws_iam_role.data.arn }, Action = ["s3:GetObject", "s3:PutObject"], Resource = "${aws_s3_bucket.data.arn}/*" },
      { Sid = "Account", Effect = "Allow", Principal = { AWS = "arn:aws:iam::${local.dev}:root" }, Action = "s3:ListBucket", Resource = aws_s3_bucket.data.arn },
      {
        Sid       = "Tls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.data.arn, "${aws_s3_bucket.data.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" }, StringEquals = { "aws:PrincipalIsAWSService" = "false" }, ArnNotLike = { "aws:PrincipalArn" = "arn:aws:iam::${local.prod}:root" } }
      },
    ]
  })
}

resource "aws_s3_object" "readme" {
  provider = aws.prod
  bucket   = aws_s3_bucket.logs.bucket
  key      = "about/readme.txt"
  content  = "by hand\n"
  etag     = md5("by hand\n")
}
