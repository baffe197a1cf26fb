# SPDX-License-Identifier: Apache-2.0
# What the scripts beside it share: where the Admin API of a region is, and how it is asked.
# For Windows PowerShell 5.1 and PowerShell 7. Plain ASCII, because 5.1 reads files without a mark as ANSI.

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$ResourceIdPattern = '^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.RedHatOpenShift/openShiftClusters/[^/]+$'

# The keys of [region NAME] in mimoctl's own configuration, ~/.config/mimo/config: url, token_file or token_command, cacert,
# client_cert and client_key.
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

# The tilde of "~/x" is the home directory.
function Resolve-MimoPath {
    param([string] $Path)

    return $Path -replace '^~(?=[/\\])', $HOME.Replace('$', '$$')
}

# Empty where the client certificate alone logs in.
function Get-MimoToken {
    param([hashtable] $Region, [string] $Location)

    if ($Region.ContainsKey('token_file')) {
        $file = Resolve-MimoPath -Path $Region['token_file']
        $token = "$(Get-Content -LiteralPath $file -TotalCount 1)".Trim()
        if (-not $token) { throw "token_file of [region $Location]: $file is empty." }
        return $token
    }
    if (-not $Region.ContainsKey('token_command')) {
        if ($Region.ContainsKey('client_cert')) { return '' }
        throw "[region $Location] has neither token_file, token_command nor client_cert."
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

# Accepts a server whose chain has a certificate of a region's cacert, which may be an intermediate one, as mimoctl does.
# It is compiled, because a script block cannot run on the threads that ask it. C# 5 for Windows PowerShell 5.1.
$TrustSource = @'
using System;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

public sealed class MimoTrust {
    private readonly X509Certificate2[] authorities;

    public MimoTrust(X509Certificate2[] authorities) { this.authorities = authorities; }

    public RemoteCertificateValidationCallback Callback { get { return Verify; } }

    private bool Verify(object sender, X509Certificate certificate, X509Chain sent, SslPolicyErrors errors) {
        if (certificate == null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None) return false;
        X509Chain chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1"));
        chain.ChainPolicy.ExtraStore.AddRange(authorities);
        if (sent != null)
            foreach (X509ChainElement element in sent.ChainElements) chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        if (!chain.Build(new X509Certificate2(certificate))) return false;
        foreach (X509ChainElement element in chain.ChainElements) {
            string link = BitConverter.ToString(element.Certificate.RawData);
            foreach (X509Certificate2 authority in authorities)
                if (BitConverter.ToString(authority.RawData) == link) return true;
        }
        return false;
    }
}
'@

# What verifies the server by the certificates in the PEM file cacert.
function Get-MimoTrust {
    param([string] $Path)

    $text = Get-Content -LiteralPath $Path -Raw
    $authorities = @()
    foreach ($block in [regex]::Matches($text, '(?s)-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----')) {
        $bytes = [Convert]::FromBase64String(($block.Groups[1].Value -replace '\s', ''))
        $authorities += New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList @(, $bytes)
    }
    if ($authorities.Count -eq 0) { throw "cacert: $Path holds no certificate in PEM." }
    if (-not ('MimoTrust' -as [type])) { Add-Type -TypeDefinition $TrustSource }
    return New-Object MimoTrust -ArgumentList @(, [System.Security.Cryptography.X509Certificates.X509Certificate2[]] $authorities)
}

# The client certificate with its key, from the PEM files of a region.
function Get-MimoClientCertificate {
    param([hashtable] $Region, [string] $Location)

    if ($PSVersionTable.PSVersion.Major -lt 7) {
        throw "[region $Location] has a client_cert. Windows PowerShell 5.1 reads no keys in PEM: use PowerShell 7, or a token."
    }
    $certificate = Resolve-MimoPath -Path $Region['client_cert']
    $key = $certificate
    if ($Region.ContainsKey('client_key')) { $key = Resolve-MimoPath -Path $Region['client_key'] }
    $read = [System.Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPemFile($certificate, $key)
    # Windows logs in with keys of its own store only, so the pair takes the way through PKCS#12.
    $pair = $read.Export([System.Security.Cryptography.X509Certificates.X509ContentType]::Pfx)
    return New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList @(, $pair)
}

function Read-MimoResponse {
    param([System.Net.WebResponse] $Response)

    $reader = New-Object System.IO.StreamReader -ArgumentList ($Response.GetResponseStream()), ([System.Text.Encoding]::UTF8)
    try {
        return $reader.ReadToEnd()
    } finally {
        $reader.Dispose()
        $Response.Dispose()
    }
}

# What the Admin API said, in place of PowerShell's "The remote server returned an error".
function Get-MimoErrorText {
    param([System.Exception] $Exception)

    $failure = $Exception
    while ($failure.InnerException -and $failure -isnot [System.Net.WebException]) { $failure = $failure.InnerException }
    if ($failure -isnot [System.Net.WebException]) { return $Exception.Message }
    if (-not $failure.Response) { return $failure.GetBaseException().Message }
    $text = Read-MimoResponse -Response $failure.Response
    try {
        $said = ($text | ConvertFrom-Json).error
        return "$($said.code): $($said.message)"
    } catch {
        return "$($failure.Message) $text".Trim()
    }
}

# HttpWebRequest, because Invoke-RestMethod cannot be told which authorities to trust.
function New-MimoRequest {
    param([hashtable] $Region, [string] $Location, [string] $Method, [string] $Uri)

    $request = [System.Net.WebRequest]::Create($Uri)
    $request.Method = $Method
    $request.AllowAutoRedirect = $false
    $request.Timeout = 30000
    $request.ReadWriteTimeout = 30000
    $request.Accept = 'application/json'
    $request.Headers.Add('x-ms-client-request-id', [guid]::NewGuid().ToString())
    $token = Get-MimoToken -Region $Region -Location $Location
    if ($token) { $request.Headers.Add('Authorization', "Bearer $token") }
    if ($Region.ContainsKey('cacert')) {
        $trust = Get-MimoTrust -Path (Resolve-MimoPath -Path $Region['cacert'])
        $request.ServerCertificateValidationCallback = $trust.Callback
    }
    if ($Region.ContainsKey('client_cert')) {
        [void] $request.ClientCertificates.Add((Get-MimoClientCertificate -Region $Region -Location $Location))
    }
    return $request
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
    # Windows PowerShell begins with TLS 1.0 unless it is told otherwise.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    $request = New-MimoRequest -Region $region -Location $Location -Method $Method -Uri "$url$Target"
    if ($Icm) { $request.Headers.Add('x-mimo-icm', $Icm) }
    try {
        if ($Body) {
            $bytes = [System.Text.Encoding]::UTF8.GetBytes($Body)
            $request.ContentType = 'application/json'
            $request.ContentLength = $bytes.Length
            $stream = $request.GetRequestStream()
            $stream.Write($bytes, 0, $bytes.Length)
            $stream.Dispose()
        } elseif ($Method -ne 'GET') {
            $request.ContentLength = 0
        }
        $response = $request.GetResponse()
        if ([int] $response.StatusCode -ge 300) {
            $response.Dispose()
            throw "the Admin API answers $([int] $response.StatusCode), a redirect; is the url of the region right?"
        }
        $text = Read-MimoResponse -Response $response
    } catch {
        throw "$Method ${url}: $(Get-MimoErrorText -Exception $_.Exception)"
    }
    if ($text) { return $text | ConvertFrom-Json }
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
