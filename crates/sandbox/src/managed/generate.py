"""Makes `names.txt` and `documents.txt` beside this file from moto (Apache-2.0), which has AWS's managed policies as AWS answers them.

    pip download moto --no-deps && unzip moto-*.whl && python3 generate.py moto/iam/aws_managed_policies.py
"""

import importlib.util
import json
import pathlib
import sys

# What roles and users of a cross-account story hold; every job function is here too.
WANTED = """
AWSDenyAll AWSSupportAccess AdministratorAccess PowerUserAccess ReadOnlyAccess SecurityAudit IAMFullAccess IAMReadOnlyAccess
IAMUserChangePassword IAMUserSSHKeys IAMSelfManageServiceSpecificCredentials IAMAccessAnalyzerFullAccess IAMAccessAnalyzerReadOnlyAccess
AmazonS3FullAccess AmazonS3ReadOnlyAccess AmazonS3ObjectLambdaExecutionRolePolicy AWSBackupServiceRolePolicyForS3Backup
AWSLambda_FullAccess AWSLambda_ReadOnlyAccess AWSLambdaBasicExecutionRole AWSLambdaVPCAccessExecutionRole AWSLambdaSQSQueueExecutionRole
AWSLambdaDynamoDBExecutionRole AWSLambdaKinesisExecutionRole AWSLambdaRole AWSLambdaExecute AmazonEC2FullAccess AmazonEC2ReadOnlyAccess
AmazonEC2RoleforSSM AmazonEC2SpotFleetTaggingRole AmazonEC2ContainerServiceforEC2Role AmazonEC2ContainerServiceRole
AmazonEC2ContainerServiceAutoscaleRole AmazonEC2ContainerServiceEventsRole AmazonEC2ContainerRegistryFullAccess
AmazonEC2ContainerRegistryPowerUser AmazonEC2ContainerRegistryReadOnly AmazonEC2ContainerRegistryPullOnly
AmazonECSTaskExecutionRolePolicy AmazonECS_FullAccess AmazonEKSClusterPolicy AmazonEKSServicePolicy AmazonEKSVPCResourceController
AmazonEKSWorkerNodePolicy AmazonEKSWorkerNodeMinimalPolicy AmazonEKS_CNI_Policy AmazonEKSFargatePodExecutionRolePolicy
AmazonEBSCSIDriverPolicy AmazonSSMManagedInstanceCore AmazonSSMFullAccess AmazonSSMReadOnlyAccess AmazonSSMAutomationRole
AmazonSSMMaintenanceWindowRole CloudWatchAgentServerPolicy CloudWatchAgentAdminPolicy CloudWatchFullAccess CloudWatchFullAccessV2
CloudWatchReadOnlyAccess CloudWatchLogsFullAccess CloudWatchLogsReadOnlyAccess CloudWatchEventsFullAccess AWSCloudTrail_FullAccess
AWSCloudTrail_ReadOnlyAccess AWSXRayDaemonWriteAccess AWSXrayWriteOnlyAccess AmazonDynamoDBFullAccess AmazonDynamoDBReadOnlyAccess
AmazonSQSFullAccess AmazonSQSReadOnlyAccess AmazonSNSFullAccess AmazonSNSReadOnlyAccess AmazonKinesisFullAccess
AmazonKinesisReadOnlyAccess AmazonKinesisFirehoseFullAccess AmazonRDSFullAccess AmazonRDSReadOnlyAccess AmazonRDSEnhancedMonitoringRole
AmazonVPCFullAccess AmazonVPCReadOnlyAccess AmazonRoute53FullAccess AmazonRoute53ReadOnlyAccess AWSKeyManagementServicePowerUser
SecretsManagerReadWrite AWSCloudFormationFullAccess AWSCloudFormationReadOnlyAccess AWSCodeBuildAdminAccess AWSCodePipeline_FullAccess
AWSCodeDeployRole AWSCodeDeployRoleForECS AWSCodeDeployRoleForLambda AmazonAthenaFullAccess AWSGlueServiceRole AWSGlueConsoleFullAccess
AWSStepFunctionsFullAccess AmazonAPIGatewayInvokeFullAccess AmazonAPIGatewayPushToCloudWatchLogs AmazonAPIGatewayAdministrator
AWSConfigUserAccess AWSOrganizationsFullAccess AWSOrganizationsReadOnlyAccess AWSBudgetsReadOnlyAccess
AWSBackupServiceRolePolicyForBackup AWSBackupServiceRolePolicyForRestores AmazonCognitoPowerUser AmazonRedshiftFullAccess
AmazonElastiCacheFullAccess AmazonSESFullAccess AmazonBedrockFullAccess AmazonBedrockReadOnly AWSSecurityHubReadOnlyAccess
AmazonGuardDutyReadOnlyAccess AWSResourceAccessManagerFullAccess AWSResourceAccessManagerReadOnlyAccess AutoScalingFullAccess
ElasticLoadBalancingFullAccess ElasticLoadBalancingReadOnly AWSElasticBeanstalkWebTier AWSElasticBeanstalkWorkerTier
AWSBillingReadOnlyAccess AWSSSOReadOnly AWSQuickSightListIAM AmazonMSKReadOnlyAccess CloudFrontFullAccess CloudFrontReadOnlyAccess
AmazonInspector2ReadOnlyAccess AmazonTextractFullAccess ComprehendReadOnly TranslateReadOnly AmazonPollyReadOnlyAccess
""".split()


def main() -> None:
    spec = importlib.util.spec_from_file_location("policies", sys.argv[1])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    policies = json.loads(module.aws_managed_policies_data)
    here = pathlib.Path(__file__).parent
    head = "# Made by generate.py from moto 5.2.5 (Apache-2.0, Copyright the moto authors), after AWS's managed policies.\n"
    names, documents = [head + "# path and name, default version, day of creation, day of the last change.\n"], [head + "# path and name, document.\n"]
    for name, policy in sorted(policies.items()):
        full = policy["Path"] + name
        names.append("\t".join([full, policy["DefaultVersionId"], policy["CreateDate"][:10], policy["UpdateDate"][:10]]) + "\n")
        if name in WANTED or policy["Path"] == "/job-function/":
            documents.append(full + "\t" + json.dumps(policy["Document"], separators=(",", ":")) + "\n")
    missing = sorted(set(WANTED) - set(policies))
    print(f"{len(names) - 1} policies, {len(documents) - 1} documents; not there: {' '.join(missing)}")
    (here / "names.txt").write_text("".join(names))
    (here / "documents.txt").write_text("".join(documents))


main()
