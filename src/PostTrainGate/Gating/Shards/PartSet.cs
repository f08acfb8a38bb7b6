using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Gating;

/// <summary>Parts of one measurement: each shard once, and all of the same thing.</summary>
internal static class PartSet
{
    /// <summary>Reads parts that fit together.</summary>
    /// <param name="files">Their paths, as given.</param>
    /// <param name="policy">Path of the policy, for the advice.</param>
    /// <exception cref="GateException">PTG8002: what is wrong with which part, and what to do.</exception>
    public static ImmutableArray<PartFile> Read(IEnumerable<string> files, string policy)
    {
        List<Diagnostic> wrong = [];
        List<PartFile> parts = [];
        foreach (var file in files)
        {
            try
            {
                parts.Add(PartFile.Read(file));
            }
            catch (GateException refused)
            {
                wrong.AddRange(refused.Diagnostics);
            }
        }

        if (wrong.Count > 0)
            throw new GateException(wrong);
        if (parts.Count == 0)
            throw new GateException(Refused("No part is given."));
        // The most common count is the one that was meant.
        var of = parts.CountBy(p => p.Of).MaxBy(c => c.Value).Key;
        wrong.AddRange(
            parts
                .Where(p => p.Of != of)
                .Select(p =>
                    Refused($"{p.File} is part {p.Number} of {p.Of}, but the others are of {of}; leave it out.")
                )
        );
        foreach (var same in parts.Where(p => p.Of == of).GroupBy(p => p.Number).Where(g => g.Count() > 1))
            wrong.Add(
                Refused($"Part {same.Key} of {of} is in {Wording.List(same.Select(p => p.File))}; give one of them.")
            );
        int[] missing = [.. Enumerable.Range(1, of).Except(parts.Where(p => p.Of == of).Select(p => p.Number))];
        if (missing.Length > 0)
            wrong.Add(
                Refused(
                    $"Part {Wording.List(missing.Select(m => $"{m}"))} of {of} is missing. "
                        + Again(policy, missing[0], of)
                )
            );
        return wrong.Count == 0 ? [.. parts.OrderBy(p => p.Number)] : throw new GateException(wrong);
    }

    /// <summary>Refuses parts that were measured on something else.</summary>
    /// <exception cref="GateException">PTG8002: which part has what otherwise.</exception>
    public static void Match(IEnumerable<PartFile> parts, PartIdentity own, string policy)
    {
        List<Diagnostic> wrong = [];
        foreach (var part in parts)
            if (own.Difference(part.Identity) is var (what, theirs, here))
                wrong.Add(
                    Refused($"{part.File} is of {what} ({theirs}; here {here}). {Again(policy, part.Number, part.Of)}")
                );
        if (wrong.Count > 0)
            throw new GateException(wrong);
    }

    private static string Again(string policy, int number, int of) =>
        $"Measure it again: posttraingate check {policy} --shard {number}/{of} --part FILE";

    private static Diagnostic Refused(string message) => new(DiagnosticCodes.PartRefused, message);
}
