using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using PostTrainGate.Foundation;

namespace PostTrainGate.MSBuild;

/// <summary>
/// Runs <c>posttraingate check</c> in a process of its own, turns its lines into errors, warnings and messages, and
/// keeps the result.
/// </summary>
public sealed partial class Check : ToolTask
{
    private const int Passed = 0,
        Failed = 1,
        BadPolicy = 2,
        Undecided = 3;

    private const string Outcome = "PostTrainGate ";

    private readonly List<string> diagnostics = [];
    private string lastLine = "";
    private volatile bool canceled;

    /// <inheritdoc cref="CollectInputs.Policy"/>
    [Required]
    public string Policy { get; set; } = "";

    /// <inheritdoc cref="CollectInputs.ProjectDirectory"/>
    [Required]
    public string ProjectDirectory { get; set; } = "";

    /// <summary>Name of the project, for messages.</summary>
    public string Project { get; set; } = "";

    /// <inheritdoc cref="CollectInputs.Settings"/>
    public string Settings { get; set; } = "";

    /// <inheritdoc cref="CollectInputs.Tool"/>
    public string Tool { get; set; } = "";

    /// <summary>Where the engine writes the list of files it read.</summary>
    [Required]
    public string InputList { get; set; } = "";

    /// <summary>Where the result is kept.</summary>
    [Required]
    public string Result { get; set; } = "";

    /// <summary>Whether a model that fails is repaired.</summary>
    public bool Repair { get; set; } = true;

    /// <summary>Whether every input is attacked, also where the verdict is certain before.</summary>
    public bool Full { get; set; }

    /// <summary>What a gate that does not pass comes to at most: error, warning or note; empty: error.</summary>
    public string Severity { get; set; } = "";

    /// <summary>The git reference that the policy and the model are held against; empty: none.</summary>
    public string Base { get; set; } = "";

    /// <summary>Folder with the results of earlier runs, for the report's trend; empty: none.</summary>
    public string History { get; set; } = "";

    /// <summary>Further arguments of the command line, quoted as a shell wants them.</summary>
    public string Arguments { get; set; } = "";

    /// <summary>Version of the tool; empty: this package's own.</summary>
    public string ToolVersion { get; set; } = "";

    /// <summary>The <c>dotnet</c> that runs this build; empty: the one on the path.</summary>
    public string Host { get; set; } = "";

    /// <summary>Version of the SDK that runs this build.</summary>
    public string SdkVersion { get; set; } = "";

    /// <summary>Portable runtime identifier of this machine.</summary>
    public string RuntimeIdentifier { get; set; } = "";

    /// <summary>The folder that packages are restored to.</summary>
    public string PackageRoot { get; set; } = "";

    /// <summary>The project's own NuGet configuration file, where it names one.</summary>
    public string ConfigFile { get; set; } = "";

    /// <summary>Package sources that replace the configured ones, where the project names them.</summary>
    public string[] Sources { get; set; } = [];

    /// <summary>Package sources beside the configured ones.</summary>
    public string[] AdditionalSources { get; set; } = [];

    /// <summary>True when the engine ran and what it found has been logged.</summary>
    [Output]
    public bool Measured { get; private set; }

    /// <inheritdoc/>
    protected override string ToolName => Path.DirectorySeparatorChar == '\\' ? "dotnet.exe" : "dotnet";

    /// <inheritdoc/>
    /// <remarks>
    /// Two projects that are built at once, in one build or two, may both lack the tool, and 'dotnet tool exec' does
    /// not expect company while it unpacks: one fetches, the other waits until the tool is there.
    /// </remarks>
    public override bool Execute()
    {
        if (Tool.Length > 0 || Cached is not null)
            return base.Execute();
        using var fetching = new Mutex(false, @"Global\PostTrainGate.Fetch." + Version);
        var fetches = false;
        try
        {
            while (!canceled && Cached is null && !(fetches = Enter(fetching))) { }
            return !canceled && base.Execute();
        }
        finally
        {
            if (fetches)
                fetching.ReleaseMutex();
        }
    }

    /// <inheritdoc/>
    public override void Cancel()
    {
        canceled = true;
        base.Cancel(); // ends the engine and what it started
    }

    /// <inheritdoc/>
    protected override int ExecuteTool(string pathToTool, string responseFileCommands, string commandLineCommands)
    {
        var began = DateTime.UtcNow;
        Directory.CreateDirectory(Path.GetDirectoryName(Result));
        File.Delete(Result);
        File.Delete(InputList); // the engine writes it early on: its presence says that the engine started
        if (Tool.Length == 0 && Cached is null)
            AnnounceFetching();
        Log.LogMessage(MessageImportance.High, "PostTrainGate {0}: checking the model against {1}", Project, Policy);
        YieldDuringToolExecution = true;
        var exitCode = base.ExecuteTool(pathToTool, responseFileCommands, commandLineCommands);
        if (canceled)
            return exitCode;

        // Only a verdict is kept: a policy that cannot be used or a run that broke off is tried again by the next
        // build. The same holds where the base could not be read: the next build may have it.
        Measured =
            exitCode is Passed or Failed or Undecided
            && File.Exists(InputList)
            && !diagnostics.Exists(d => d.Contains($": error {DiagnosticCodes.BaseUnavailable}:"));
        if (exitCode != Passed && !Log.HasLoggedErrors)
            Explain(exitCode);
        if (Measured)
        {
            var inputs = GateInputs.Read(
                Resolve(ProjectDirectory, Policy),
                InputList,
                Resolve(ProjectDirectory, Tool),
                Call(Settings)
            );
            new GateRecord(inputs.Fingerprint, exitCode, diagnostics).Write(Result, began);
        }
        return exitCode;
    }

    /// <inheritdoc/>
    /// <remarks>Nothing is left to say: <see cref="Explain"/> has made sure that an error was logged.</remarks>
    protected override bool HandleTaskExecutionErrors() => false;

    /// <inheritdoc/>
    protected override string GetWorkingDirectory() => ProjectDirectory;

    /// <inheritdoc/>
    protected override void LogToolCommand(string message) => Log.LogCommandLine(MessageImportance.Normal, message);

    /// <inheritdoc/>
    protected override void LogEventsFromTextOutput(string singleLine, MessageImportance messageImportance)
    {
        if (GateLine.Parse(singleLine) is not { } line)
        {
            if (singleLine.Trim().Length > 0)
                lastLine = singleLine.Trim();
            if (singleLine.StartsWith(Outcome, StringComparison.Ordinal)) // and the policy
                Log.LogMessage(
                    MessageImportance.High,
                    "{0}{1}: {2}",
                    Outcome,
                    Project,
                    singleLine.Substring(Outcome.Length)
                );
            else
                Log.LogMessage(MessageImportance.Normal, "{0}", singleLine);
            return;
        }
        if (line.IsError || line.IsWarning)
            diagnostics.Add(singleLine);
        line.Log(Log, Policy);
    }

    private void Explain(int exitCode)
    {
        var (code, text) = exitCode switch
        {
            _ when !File.Exists(InputList) => (
                DiagnosticCodes.BuildTool,
                $"the tool did not start (exit code {exitCode}): {lastLine.TrimEnd('.')}; {Advice()}"
            ),
            Failed => (DiagnosticCodes.GateFailed, "a gate failed"),
            BadPolicy => (DiagnosticCodes.PolicyUnreadable, $"the policy cannot be used: {lastLine}"),
            Undecided => (DiagnosticCodes.GateNotMeasured, "a gate has no clear verdict, and the policy requires one"),
            _ => (DiagnosticCodes.Internal, $"the check failed with exit code {exitCode}: {lastLine}"),
        };
        LogEventsFromTextOutput($"posttraingate: error {code}: {text}", MessageImportance.High);
    }
}
