using System.Collections.Immutable;
using System.Text;
using PostTrainGate.Attacks;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Reading;

namespace PostTrainGate.Tests;

/// <summary>A folder with the files that policies of these tests name, and the names of a catalog that stays as it
/// is.</summary>
internal sealed class PolicyFolder : IDisposable
{
    /// <summary>The smallest policy there is.</summary>
    public const string Minimal = """
        version: 1
        model: models/credit.onnx
        data: { source: data/german.csv, label: good }
        gates:
          - accuracy: { min: 0.7 }
        """;

    public static readonly Catalog Names = new()
    {
        Metrics =
        [
            new NamedMetric("accuracy", "Share of right predictions.", Better.Higher),
            new NamedMetric("robust_accuracy", "Share of right predictions under attack.", Better.Higher)
            {
                Keys = AttackKeys.WithinEpsilon,
                ChangesInputs = true,
            },
            new NamedMetric("statistical_parity_difference", "Difference of favorable rates.", Better.NearZero)
            {
                Keys = [GateKeys.Group, GateKeys.Average],
            },
            new NamedMetric("equalized_odds_difference", "Largest difference of error rates.", Better.NearZero)
            {
                Keys = [GateKeys.Group, GateKeys.Average],
            },
            new NamedMetric("disparate_impact", "Ratio of favorable rates.", Better.NearOne)
            {
                Keys = [GateKeys.Group, GateKeys.Average],
            },
            new NamedMetric("rate_maximum", "Highest of any rate.", Better.Lower)
            {
                Keys = [GateKeys.Group, GateKeys.Rate, GateKeys.Average],
                Largest = double.PositiveInfinity,
            },
            new NamedMetric("entropy", "Inequality.", Better.Lower) { Keys = [BenefitMetric.Alpha, GateKeys.Average] },
        ],
        Attacks =
        [
            new NamedAttack("fgsm", "One step."),
            new NamedAttack("pgd", "Many steps."),
            new NamedAttack("cw", "Adam.") { Norms = [Norm.L2] },
            new NamedAttack("table_pgd", "Rows of tables.") { KeepsForm = true },
        ],
        Rates = [.. Rate.All.Where(r => r.Name is "true_positive_rate" or "log_loss")],
    };

    private static readonly string[] Files =
    [
        "models/credit.onnx",
        "models/history/epoch-1.onnx",
        "models/history/epoch-2.onnx",
        "data/german.csv",
        "data/part-1.csv",
        "data/labels.gz",
    ];

    public PolicyFolder()
    {
        Directory.CreateDirectory(Folder);
        foreach (var file in Files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(In(file))!);
            File.WriteAllText(In(file), file);
        }
    }

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), $"posttraingate-{Guid.NewGuid():N}");

    public string Yml => In(PolicyReader.FileName);

    public string In(string path) => Path.Combine(Folder, path);

    public (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) Read(string yaml, Catalog? names = null) =>
        Read(Encoding.UTF8.GetBytes(yaml), names);

    public (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) Read(byte[] bytes, Catalog? names = null)
    {
        File.WriteAllBytes(Yml, bytes);
        return PolicyReader.Read(Yml, names ?? Names);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
