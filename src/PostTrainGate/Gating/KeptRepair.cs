using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Repairs;

namespace PostTrainGate.Gating;

/// <summary>
/// The steps of a repair that an earlier run of the same policy on the same model and rows finished: what its plans made
/// and how models scored. A repair that was interrupted goes on from there. Every step is the same with and without.
/// </summary>
internal sealed class KeptRepair
{
    private readonly RunCache _cache;
    private readonly string _run;
    private readonly OnnxClassifier _source;

    /// <summary>The steps of one repair.</summary>
    /// <param name="cache">Where they are.</param>
    /// <param name="policy">Its gates, thresholds, and the repair's own settings.</param>
    /// <param name="source">The model that is repaired.</param>
    /// <param name="splits">Rows to learn from, to choose by and to report on.</param>
    public KeptRepair(RunCache cache, GatePolicy policy, OnnxClassifier source, DataSplits splits) =>
        (_cache, _source, _run) = (cache, source, Identity(policy, source, splits));

    /// <summary>The shortest step that is kept; what takes less is as soon done again.</summary>
    internal TimeSpan Least { get; init; } = TimeSpan.FromSeconds(0.1);

    /// <summary>What a plan makes.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="context">Model, rows, selection and time.</param>
    /// <param name="share">Part of the plan's steps to take.</param>
    /// <param name="from">Where an earlier run of the plan ended; null: it begins anew.</param>
    public RepairCandidate Candidate(RepairPlan plan, RepairContext context, double share, OnnxClassifier? from)
    {
        var name = Name("candidate", from ?? _source, $"{plan.Name} {plan.Seconds:R} {share:R} {from is null}");
        if (_cache.Step(name) is { } known)
            return Unpack(known);
        var clock = Stopwatch.StartNew();
        var made = plan.Take(context, share, from);
        // Short of time a plan takes fewer steps.
        var isWhole = DateTime.UtcNow < context.Deadline.ToUniversalTime() && !made.IsHurried;
        if (isWhole && clock.Elapsed >= Least && Interpolation.IsPossible(_source, made.Model))
            _cache.KeepStep(name, Pack(made));
        return made;
    }

    /// <summary>A score.</summary>
    /// <param name="model">The model that is scored.</param>
    /// <param name="how">What it is scored by.</param>
    /// <param name="score">Scores it.</param>
    public SelectionScore Score(OnnxClassifier model, string how, Func<SelectionScore> score)
    {
        var name = Name("score", model, how);
        if (_cache.Step(name) is { } known)
            return Read(known, ReadScore);
        var clock = Stopwatch.StartNew();
        var made = score();
        if (clock.Elapsed >= Least)
            _cache.KeepStep(name, Written(content => WriteScore(content, made)));
        return made;
    }

    private string Name(string kind, OnnxClassifier model, FormattableString how) =>
        Name(kind, model, how.ToString(CultureInfo.InvariantCulture));

    private string Name(string kind, OnnxClassifier model, string how) =>
        Hash.Compute(content =>
        {
            foreach (var text in new[] { kind, _run, model.Fingerprint, how })
                content.Write(text);
        });

    // All that the repair's steps depend on.
    private static string Identity(GatePolicy policy, OnnxClassifier source, DataSplits splits)
    {
        var repair = policy.Repair!;
        return Hash.Compute(content =>
        {
            content.Write($"repair 1 {Tool.Build}");
            content.Write(source.Fingerprint);
            content.Write(policy.Seed);
            content.Write(policy.GateConfidence);
            content.Write(PartIdentity.OfGates(policy.Gates));
            foreach (var gate in policy.Gates)
                content.Write(
                    FormattableString.Invariant(
                        $"{gate.Min:R} {gate.Max:R} {gate.Drop:R} {gate.Severity} {gate.Accepted}"
                    )
                );
            content.Write(
                FormattableString.Invariant($"{policy.When} {repair.MaxAccuracyDrop:R} {repair.Effort} {repair.Graph}")
            );
            foreach (var name in repair.Methods.Select(m => m.Name).Concat(repair.Accept.Select(kind => $"{kind}")))
                content.Write(name);
            foreach (var snapshot in repair.Snapshots?.Files ?? [])
                content.Write(Hash.ComputeFile(snapshot));
            content.Write(splits.Test.Count);
            foreach (var rows in new[] { splits.Repair, splits.Select })
            {
                content.Write(RowDigest.Of(rows));
                content.Write($"{rows.Favorable} {string.Join('\n', rows.ClassNames)}");
                foreach (var group in rows.Groups.Values.OrderBy(g => g.Name, StringComparer.Ordinal))
                {
                    content.Write($"{group.Name} {group.Privileged} {group.MinCount}");
                    content.Write(string.Join('\n', [.. group.Levels, .. group.SourceColumns, .. group.Dependent]));
                    foreach (var level in group.LevelOf)
                        content.Write(level);
                }
            }
        });
    }

    private byte[] Pack(RepairCandidate candidate) =>
        Written(content =>
        {
            content.Write(candidate.Method);
            WriteScore(content, candidate.Score);
            content.Write(candidate.Details.Count);
            foreach (var (name, value) in candidate.Details)
            {
                content.Write(name);
                content.Write(value);
            }

            foreach (var name in Parameters)
            {
                using var values = candidate.Model.Parameters[name].detach().contiguous().cpu();
                content.Write(values.bytes);
            }
        });

    private RepairCandidate Unpack(byte[] bytes) => Read(bytes, content =>
        {
            var (method, score) = (content.ReadString(), ReadScore(content));
            var details = ImmutableSortedDictionary.CreateBuilder<string, string>();
            for (var left = content.ReadInt32(); left > 0; left--)
                details[content.ReadString()] = content.ReadString();
            var model = _source.Clone();
            foreach (var name in Parameters)
                content.BaseStream.ReadExactly(model.Parameters[name].bytes);
            return new RepairCandidate(model, method, score, details.ToImmutable());
        });

    private IEnumerable<string> Parameters => _source.Parameters.Keys.Order(StringComparer.Ordinal);

    private static void WriteScore(BinaryWriter content, SelectionScore score)
    {
        content.Write(score.Admissible);
        content.Write(score.Gap);
        content.Write(score.Accuracy);
        content.Write(score.IsDear);
        content.Write(score.Passed);
        content.Write(score.Harm);
        content.Write(score.Blocked);
        content.Write(score.Churn);
        content.Write(score.Resolution);
    }

    private static SelectionScore ReadScore(BinaryReader content) =>
        new(content.ReadBoolean(), content.ReadDouble(), content.ReadDouble())
        {
            IsDear = content.ReadBoolean(),
            Passed = content.ReadInt32(),
            Harm = content.ReadDouble(),
            Blocked = content.ReadBoolean(),
            Churn = content.ReadDouble(),
            Resolution = content.ReadDouble(),
        };

    private static byte[] Written(Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        using (var content = new BinaryWriter(stream))
            write(content);
        return stream.ToArray();
    }

    private static T Read<T>(byte[] bytes, Func<BinaryReader, T> read)
    {
        using var content = new BinaryReader(new MemoryStream(bytes));
        return read(content);
    }
}
