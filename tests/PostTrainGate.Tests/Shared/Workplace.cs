using System.Globalization;
using PostTrainGate.Cli;
using PostTrainGate.Gating;

namespace PostTrainGate.Tests.Cli;

/// <summary>A folder with a policy, and the command line run on it in this process.</summary>
internal sealed class Workplace : IDisposable
{
    public const string Policy = """
        version: 1
        seed: 7
        model: models/credit.onnx
        data: { source: data/german.csv, label: good }
        groups:
          sex: { column: sex, privileged: male }
        gates:
          - accuracy: { min: 0.72 }
          - statistical_parity_difference: { group: sex, max: 0.1 }
        repair: { snapshots: models/history/*.onnx }
        """;

    private readonly TemporaryFolder _folder = new();

    public Workplace(string policy = Policy)
    {
        PolicyFile = _folder.Write("posttraingate.yml", policy);
        _folder.Write("models/credit.onnx", "model");
        _folder.Write("models/history/e1.onnx", "model");
        _folder.Write("models/history/e2.onnx", "model");
        _folder.Write("data/german.csv", "sex,good\nmale,1\n");
        Host = new()
        {
            Out = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" },
            Error = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" },
            Variable = name => Variables.GetValueOrDefault(name),
            RetryWait = TimeSpan.FromMilliseconds(1),
        };
    }

    public TemporaryFolder Folder => _folder;

    public string PolicyFile { get; }

    public Dictionary<string, string?> Variables { get; } = [];

    public CliHost Host { get; set; }

    public string Out => Host.Out.ToString()!;

    public string Error => Host.Error.ToString()!;

    /// <summary>Runs with what the engine would give.</summary>
    public Task<int> RunAsync(GateResult result, params string[] args) => RunAsync((_, _, _, _) => result, args);

    /// <summary>Runs with another engine.</summary>
    public Task<int> RunAsync(RunGate run, params string[] args) => RunAsync(run, default, args);

    public Task<int> RunAsync(RunGate run, CancellationToken cancel, params string[] args) =>
        CommandLine.RunAsync(["check", _folder.Root, .. args], Host with { Run = run }, cancel);

    public void Dispose() => _folder.Dispose();
}
