using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>A kind of file that rows are read from.</summary>
/// <param name="Name">For messages: what it is, with the extensions of its files.</param>
/// <param name="Several">Whether several files are one set of rows.</param>
/// <param name="Reads">Whether a file is of this kind.</param>
/// <param name="Read">
/// Inputs [n, ...] (null: columns of the table have to be encoded), columns, and which of them is the label.
/// </param>
internal sealed record DataFormat(
    string Name,
    bool Several,
    Func<string, bool> Reads,
    Func<EvaluationPolicy, ModelInputs?, List<Diagnostic>, (Tensor? Inputs, Table Columns, string? Label)> Read
)
{
    /// <summary>All of them; the first that reads a file is taken.</summary>
    public static ImmutableArray<DataFormat> All { get; } =
    [
        new("CSV (.csv, .tsv), Parquet (.parquet), JSON (.json, .jsonl, .ndjson)", true, Table.Reads, (policy, _, _) =>
            (null, Table.Load(policy.Data.Source), policy.Data.Label)
        ),
        new(
            "images in one folder per class (PNG, JPEG, WEBP, GIF, BMP)",
            true,
            ImageReader.Reads,
            (policy, wanted, notes) => ImageReader.Read(policy, wanted, notes)
        ),
        new(
            "NPZ (.npz)",
            false,
            f => f.EndsWith(".npz", StringComparison.OrdinalIgnoreCase),
            (policy, wanted, notes) => ArrayReader.Read(policy, wanted, notes)
        ),
        new("IDX", false, IdxFile.Is, (policy, wanted, notes) => ArrayReader.Read(policy, wanted, notes)),
    ];
}
