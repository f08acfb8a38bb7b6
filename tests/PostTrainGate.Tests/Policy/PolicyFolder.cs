using System.Collections.Immutable;
using System.Text;
using PostTrainGate.Attacks;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;

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

    public static readonly PolicyNames Names = new(
        [
            new("accuracy", "Share of right predictions.", MetricNeeds.None, Better.Higher) { OfPredictions = true },
            new("robust_accuracy", "Share of right predictions under attack.", MetricNeeds.Attack, Better.Higher),
            new("statistical_parity_difference", "Difference of favourable rates.", MetricNeeds.Group, Better.NearZero),
            new("equalized_odds_difference", "Largest difference of error rates.", MetricNeeds.Group, Better.NearZero),
            new("disparate_impact", "Ratio of favourable rates.", MetricNeeds.Group, Better.NearOne),
            new(
                "rate_maximum",
                "Highest of any rate.",
                MetricNeeds.Group | MetricNeeds.Rate,
                Better.Lower,
                double.PositiveInfinity
            )
            {
                OfPredictions = true,
            },
            new("entropy", "Inequality.", MetricNeeds.Alpha, Better.Lower),
        ],
        [
            new("fgsm", "One step."),
            new("pgd", "Many steps."),
            new("cw", "Adam.") { Norms = [Norm.L2] },
            new("table-pgd", "Rows of tables.") { KeepsForm = true },
        ],
        [new("fmt", "Fairness."), new("dare", "Robustness."), new("adversarial", "Robustness, with attacks.")],
        [
            ("json", "The result.", true),
            ("markdown", "For people.", true),
            ("html", "A page.", false),
            ("sarif", "For code scanning.", false),
            ("junit", "For test views.", false),
        ]
    )
    {
        Rates =
        [
            new("true_positive_rate", "Right favours.", false),
            new("log_loss", "Cross-entropy.", true, double.PositiveInfinity),
        ],
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

    public (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) Read(string yaml, PolicyNames? names = null) =>
        Read(Encoding.UTF8.GetBytes(yaml), names);

    public (GatePolicy? Policy, ImmutableArray<Diagnostic> Diagnostics) Read(byte[] bytes, PolicyNames? names = null)
    {
        File.WriteAllBytes(Yml, bytes);
        return PolicyReader.Read(Yml, names ?? Names);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
