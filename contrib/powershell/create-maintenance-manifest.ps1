# SPDX-License-Identifier: Apache-2.0
<#
.SYNOPSIS
Creates a maintenance manifest: asks for one task on one cluster.
.DESCRIPTION
Writes the new manifest as an object. Where the Admin API of the region is, and how to log in, stands in
~/.config/mimo/config, which mimoctl(1) describes. The certificate of the Admin API has to be one that this machine trusts.
.PARAMETER location
Region of the cluster, such as eastus.
.PARAMETER resourceId
Full ARM resource ID of the cluster.
.PARAMETER kubernetesObject
The manifest as JSON: maintenanceTaskID (UUID or short name of the task), and if wanted runAfter, runBefore (Unix seconds
or RFC 3339 texts), priority, parameters.
.PARAMETER icm
Number of the ticket.
.EXAMPLE
.\create-maintenance-manifest.ps1 -location eastus -resourceId $id -kubernetesObject '{"maintenanceTaskID": "9b741734-6505-447f-8510-85eb0ae561a2"}' -icm 691536013
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [Parameter(Mandatory = $true)] [string] $location,
    [Parameter(Mandatory = $true)] [string] $resourceId,
    [Parameter(Mandatory = $true)] [string] $kubernetesObject,
    [string] $icm
)

$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot 'MimoAdminApi.psm1')

$target = Get-MimoManifestTarget -ResourceId $resourceId
$null = ConvertFrom-Json -InputObject $kubernetesObject # says what is wrong before anything is sent
if ($PSCmdlet.ShouldProcess($resourceId, "Create maintenance manifest $kubernetesObject")) {
    Invoke-MimoAdminApi -Location $location -Method PUT -Target $target -Body $kubernetesObject -Icm $icm
}
