using System.Reflection;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using PostTrainGate.Foundation;

namespace PostTrainGate.MSBuild;

// The tool: where it is, where it comes from, and how it is called.
public sealed partial class Check
{
    /// <inheritdoc/>
    protected override bool ValidateParameters()
    {
        if (Tool.Length > 0 && !File.Exists(Resolve(ProjectDirectory, Tool)))
            return Refuse(
                DiagnosticCodes.BuildTool,
                $"PostTrainGateToolPath is '{Tool}', which does not exist; correct the path"
            );
        if (Tool.Length == 0 && Cached is null && !HasToolExec)
            return Refuse(
                DiagnosticCodes.BuildSdk,
                $"the .NET SDK {SdkVersion} cannot fetch the tool, because 'dotnet tool exec' needs 10.0.100 or newer; "
                    + $"use a newer SDK, or install PostTrainGate.Cli {Version} and set PostTrainGateToolPath to it"
            );
        return true;
    }

    /// <inheritdoc/>
    protected override string GenerateFullPathToTool() =>
        Tool.Length > 0 && !IsAssembly(Tool) ? Resolve(ProjectDirectory, Tool)
        : Host.Length > 0 ? Host
        : ToolExe;

    /// <inheritdoc/>
    protected override string GenerateCommandLineCommands()
    {
        var line = new CommandLineBuilder();
        if (Tool.Length > 0)
        {
            if (IsAssembly(Tool))
                line.AppendFileNameIfNotNull(Resolve(ProjectDirectory, Tool));
        }
        else if (Cached is { } cached)
        {
            line.AppendFileNameIfNotNull(cached);
        }
        else
        {
            line.AppendSwitch($"tool exec PostTrainGate.Cli@{Version} --yes");
            line.AppendSwitchIfNotNull("--configfile ", ConfigFile.Length > 0 ? ConfigFile : null);
            foreach (var source in Sources)
                line.AppendSwitchIfNotNull("--source ", source);
            foreach (var source in AdditionalSources)
                line.AppendSwitchIfNotNull("--add-source ", source);
            line.AppendSwitch("--");
        }
        line.AppendSwitch("check");
        line.AppendFileNameIfNotNull(Policy);
        line.AppendSwitch("--format msbuild");
        line.AppendSwitchIfNotNull("--inputs-file ", InputList);
        if (!Repair)
            line.AppendSwitch("--no-repair");
        if (Full)
            line.AppendSwitch("--full");
        line.AppendSwitchIfNotNull("--severity=", Severity.Length > 0 ? Severity : null);
        line.AppendSwitchIfNotNull("--base=", Base.Length > 0 ? Base : null);
        line.AppendSwitchIfNotNull("--history=", History.Length > 0 ? History : null);
        if (Arguments.Length > 0)
            line.AppendTextUnquoted(" " + Arguments);
        return line.ToString();
    }

    // The first build waits for a large download, and nothing else says so.
    private void AnnounceFetching()
    {
        var size = Metadata("ToolSizes")
            .Split('|')
            .Select(s => s.Split(':'))
            .Where(s => s.Length == 2 && s[0] == RuntimeIdentifier)
            .Select(s => $"{s[1]} MB, ")
            .FirstOrDefault();
        Log.LogMessage(
            MessageImportance.High,
            "PostTrainGate {0}: fetching the tool PostTrainGate.Cli {1} for {2} from the package sources ({3}once); "
                + "later builds run it from {4}",
            Project,
            Version,
            RuntimeIdentifier,
            size,
            PackageRoot
        );
    }

    // What to do about a tool that did not start.
    private string Advice() =>
        Tool.Length > 0 ? "check PostTrainGateToolPath"
        : Cached is not null ? "set PostTrainGateToolPath to an installed tool"
        : lastLine.Contains("is not found") && ToolVersion.Length > 0
            ? $"set PostTrainGateToolVersion to a version that the sources have, or remove it to use {Own}"
        : "make the package sources reachable, name others with RestoreAdditionalProjectSources, "
            + $"or set PostTrainGateToolPath to an installed PostTrainGate.Cli {Version}; "
            + "PostTrainGateEnabled=false builds without the check";

    private bool Refuse(string code, string text)
    {
        Log.LogError(null, code, null, Policy, 0, 0, 0, 0, "{0}", text);
        return false;
    }

    /// <summary>
    /// The tool where an earlier run restored it to; null when it is not there. 'dotnet tool exec' asks the package
    /// sources every time, so that a build without network would fail; a restored package does not change.
    /// </summary>
    private string? Cached
    {
        get
        {
            if (PackageRoot.Length == 0 || RuntimeIdentifier.Length == 0)
                return null;
            var package = Path.Combine(
                PackageRoot,
                "posttraingate.cli." + RuntimeIdentifier,
                Version.ToLowerInvariant()
            );
            if (!File.Exists(Path.Combine(package, ".nupkg.metadata")))
                return null; // written last
            return Directory
                .GetDirectories(Path.Combine(package, "tools"))
                .Select(framework => Path.Combine(framework, RuntimeIdentifier, "PostTrainGate.Cli.dll"))
                .FirstOrDefault(File.Exists);
        }
    }

    private static bool Enter(Mutex mutex)
    {
        try
        {
            return mutex.WaitOne(200);
        }
        catch (AbandonedMutexException)
        {
            return true; // its owner was killed
        }
    }

    private bool HasToolExec =>
        !System.Version.TryParse(SdkVersion.Split('-')[0], out var version) || version.Major >= 10;

    private string Version => ToolVersion.Length > 0 ? ToolVersion : Own;

    private static string Own { get; } =
        typeof(Check).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>().InformationalVersion;

    private static string Metadata(string key) =>
        typeof(Check).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(a => a.Key == key)?.Value
        ?? "";

    /// <summary>What tells one call of the tool from another.</summary>
    internal static string Call(string settings) => Own + "|" + settings;

    /// <summary>An absolute path, of one that may be relative to the project; an empty one stays empty.</summary>
    internal static string Resolve(string projectDirectory, string path) =>
        path.Length == 0 ? "" : Path.GetFullPath(Path.Combine(projectDirectory, path));

    private static bool IsAssembly(string path) => path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);
}
