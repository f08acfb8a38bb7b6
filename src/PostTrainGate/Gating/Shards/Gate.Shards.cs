using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;

namespace PostTrainGate.Gating;

// A measurement that several machines share.
public static partial class Gate
{
    // What can be refused is refused before the long work.
    private static ImmutableArray<PartFile> RequireParts(GatePolicy policy, GateOptions options)
    {
        if (options.Shard is null && options.Parts is null)
            return [];
        if (policy.Model is null)
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ShardRefused,
                    "Predictions that were made elsewhere are counted in one pass, so there is nothing to share; "
                        + "run 'posttraingate check' without '--shard'.",
                    new SourcePosition(policy.File, 1, 1)
                )
            );
        if (options.Shard is { } shard)
            PartFile.Require(shard.File);
        return options.Parts is { } files ? PartSet.Read(files, policy.File) : [];
    }

    private static BlockWork Work(
        GatePolicy policy,
        GateOptions options,
        ImmutableArray<PartFile> parts,
        PartIdentity? identity,
        EvaluationSet rows
    )
    {
        if (options.Shard is { } shard)
            return new ShardWork(shard);
        if (identity is null || parts.IsEmpty)
            return BlockWork.Here;
        PartSet.Match(parts, identity, policy.File);
        return new MergedWork(parts, rows);
    }

    private static PartIdentity? Identity(
        GatePolicy policy,
        GateOptions options,
        Classifier model,
        BaseRows? @base,
        EvaluationSet rows
    ) =>
        options.Shard is null && options.Parts is null ? null : PartIdentity.Of(policy, model, @base?.Rows.Model, rows);

    // The result of a shard: no gate is judged, and the part is written.
    private static GateResult Shared(
        GatePolicy policy,
        ShardOrder order,
        ShardWork work,
        PartIdentity identity,
        DataSummary data,
        ImmutableArray<Diagnostic> known
    )
    {
        new PartFile(order.File, order.Number, order.Of, identity, work.Total, work.Found).Write();
        var none = GateMeter.Read(Measurement.LeftToMerge, Verdict.NotMeasured);
        var done = new Diagnostic(
            DiagnosticCodes.ShardMeasured,
            $"Shard {order.Text} measured {work.Found.Count} of {work.Total} blocks of rows: {order.File}."
                + (
                    work.Total == 0 ? " No gate attacks, certifies or corrupts inputs, so one machine alone is as fast."
                    : work.Total < order.Of ? $" More than {work.Total} shards do not make it faster."
                    : ""
                ),
            null,
            Severity.Note
        );
        return Result(policy, [.. policy.Gates.Select(rule => Reading(policy, rule, none))], data, null) with
        {
            Outcome = RunOutcome.Passed,
            Diagnostics = [.. known, done],
        };
    }
}
