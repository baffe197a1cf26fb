# SPDX-License-Identifier: Apache-2.0
# What the scripts beside it share: where the Admin API of a region is, and how it is asked.
# For Windows PowerShell 5.1 and PowerShell 7. Plain ASCII, because 5.1 reads files without a mark as ANSI.

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$ResourceIdPattern = '^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.RedHatOpenShift/openShiftClusters/[^/]+$'

# The keys of [region NAME] in mimoctl's own configuration, ~/.config/mimo/config: url, and token_file or token_command.
function Read-MimoRegion {
    param([string] $Location)

    $directory = $env:XDG_CONFIG_HOME
    if (-not $directory) { $directory = Join-Path $HOME '.config' }
    $path = Join-Path (Join-Path $directory 'mimo') 'config'
    if (-not (Test-Path -LiteralPath $path)) {
        throw "There is no $path. It tells where the Admin API of each region is: see mimoctl(1), FILES."
    }
    $region = @{}
    $section = ''
    foreach ($line in Get-Content -LiteralPath $path) {
        if ($line -match '^\s*\[\s*(.+?)\s*\]\s*$') {
            $section = $Matches[1]
        } elseif ($section -eq "region $Location" -and $line -match '^\s*([a-z_]+)\s*=\s*(.+?)\s*$') {
            $region[$Matches[1]] = $Matches[2]
        }
    }
    if (-not $region.ContainsKey('url')) {
        throw "$path has no [region $Location] with a url."
    }
    return $region
}

function Get-MimoToken {
    param([hashtable] $Region, [string] $Location)

    if ($Region.ContainsKey('token_file')) {
        $file = $Region['token_file'] -replace '^~', $HOME.Replace('$', '$$')
        return (Get-Content -LiteralPath $file -TotalCount 1).Trim()
    }
    if (-not $Region.ContainsKey('token_command')) {
        throw "[region $Location] has neither token_file nor token_command."
    }
    if ($PSVersionTable.PSVersion.Major -lt 6 -or $IsWindows) {
        $token = & $env:ComSpec /c $Region['token_command']
    } else {
        $token = & /bin/sh -c $Region['token_command']
    }
    if ($LASTEXITCODE -ne 0 -or -not $token) {
        throw "The token_command of [region $Location] wrote no token (exit status $LASTEXITCODE)."
    }
    return (@($token)[0]).Trim()
}

# What the Admin API said, in place of PowerShell's "The remote server returned an error".
function Get-MimoErrorText {
    param($ErrorRecord)

    if ($ErrorRecord.ErrorDetails -and $ErrorRecord.ErrorDetails.Message) {
        try {
            $said = ($ErrorRecord.ErrorDetails.Message | ConvertFrom-Json).error
            return "$($said.code): $($said.message)"
        } catch {
            return $ErrorRecord.ErrorDetails.Message
        }
    }
    return $ErrorRecord.Exception.Message
}

<#
.SYNOPSIS
Sends one request to the Admin API of a region and returns what it answers.
.PARAMETER Location
The region: [region NAME] in ~/.config/mimo/config.
.PARAMETER Method
GET, PUT, POST or DELETE.
.PARAMETER Target
Path and query, such as '/admin/tasks?api-version=admin'.
.PARAMETER Icm
Number of the ticket, for the audit trail.
.PARAMETER Body
JSON.
#>
function Invoke-MimoAdminApi {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $Location,
        [Parameter(Mandatory = $true)] [string] $Method,
        [Parameter(Mandatory = $true)] [string] $Target,
        [string] $Icm,
        [string] $Body
    )

    $region = Read-MimoRegion -Location $Location
    $url = $region['url'].TrimEnd('/')
    if ($url -notmatch '^https://') {
        throw "[region $Location]: '$url' does not begin with https://; the token goes over TLS alone."
    }
    $headers = @{
        'Authorization' = "Bearer $(Get-MimoToken -Region $region -Location $Location)"
        'Accept' = 'application/json'
        'x-ms-client-request-id' = [guid]::NewGuid().ToString()
    }
    if ($Icm) { $headers['x-mimo-icm'] = $Icm }
    $request = @{ Uri = "$url$Target"; Method = $Method; Headers = $headers; MaximumRedirection = 0; TimeoutSec = 30 }
    if ($Body) {
        $request['Body'] = [System.Text.Encoding]::UTF8.GetBytes($Body)
        $request['ContentType'] = 'application/json'
    }
    # Windows PowerShell begins with TLS 1.0 unless it is told otherwise.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    try {
        return Invoke-RestMethod @request
    } catch {
        throw "$Method ${url}: $(Get-MimoErrorText -ErrorRecord $_)"
    }
}

<#
.SYNOPSIS
The path of a cluster's manifests, or of one of them.
.PARAMETER ResourceId
Full ARM resource ID of the cluster.
.PARAMETER ManifestId
ID of a manifest.
.PARAMETER Action
What stands behind the ID, such as 'cancel'.
#>
function Get-MimoManifestTarget {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $ResourceId,
        [string] $ManifestId,
        [string] $Action
    )

    if ($ResourceId -notmatch $ResourceIdPattern) {
        throw "'$ResourceId' is no resource ID of a cluster: /subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.RedHatOpenShift/openShiftClusters/{name}."
    }
    $parsed = [guid]::Empty
    if ($ManifestId -and -not [guid]::TryParse($ManifestId, [ref] $parsed)) {
        throw "'$ManifestId' is no ID of a manifest: a UUID, such as 2b65ac7b-cbf5-4fdc-829d-a737e646d492."
    }
    $path = "/admin$ResourceId/maintenanceManifests"
    if ($ManifestId) { $path += "/$parsed" }
    if ($Action) { $path += "/$Action" }
    return "${path}?api-version=admin"
}

Export-ModuleMember -Function Invoke-MimoAdminApi, Get-MimoManifestTarget
