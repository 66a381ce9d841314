# What was made is taken up by a state that knows nothing of it. An object's content can't be read back by it.

import {
  to = aws_iam_user.ann
  id = "ann"
}

import {
  to = aws_iam_group.developers
  id = "Developers"
}

import {
  to = aws_iam_policy.may_assume
  id = "arn:aws:iam::111111111111:policy/team/MayAssume"
}

import {
  to = aws_iam_group_policy_attachment.may_assume
  id = "Developers/arn:aws:iam::111111111111:policy/team/MayAssume"
}

import {
  to = aws_iam_user_policy_attachment.may_assume
  id = "ann/arn:aws:iam::111111111111:policy/team/MayAssume"
}

import {
  to = aws_iam_group_policy.own
  id = "Developers:own"
}

import {
  to = aws_iam_user_policy.own
  id = "ann:own"
}

import {
  to = aws_iam_openid_connect_provider.pipeline
  id = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com"
}

import {
  to = aws_iam_policy.most
  id = "arn:aws:iam::222222222222:policy/Most"
}

import {
  to = aws_iam_role.data
  id = "Data"
}

import {
  to = aws_iam_role_policy.read
  id = "Data:read"
}

import {
  to = aws_iam_role_policy_attachment.aws
  id = "Data/arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
}

import {
  to = aws_iam_instance_profile.data
  id = "Data"
}

import {
  to = aws_s3_bucket.logs
  id = "terraform-by-hand-logs"
}

import {
  to = aws_s3_bucket.data
  id = "terraform-by-hand-data"
}

import {
  to = aws_s3_bucket_versioning.data
  id = "terraform-by-hand-data"
}

import {
  to = aws_s3_bucket_server_side_encryption_configuration.data
  id = "terraform-by-hand-data"
}

import {
  to = aws_s3_bucket_public_access_block.data
  id = "terraform-by-hand-data"
}

import {
  to = aws_s3_bucket_ownership_controls.data
  id = "terraform-by-hand-data"
}

import {
  to = aws_s3_bucket_policy.data
  id = "terraform-by-hand-data"
}

import {
  to = aws_s3_bucket_logging.data
  id = "terraform-by-hand-data"
}

import {
  to = aws_s3_bucket_policy.logs
  id = "terraform-by-hand-logs"
}

import {
  to = aws_iam_user_group_membership.ann
  id = "ann/Developers"
}
