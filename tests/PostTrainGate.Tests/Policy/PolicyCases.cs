using System.Collections.Immutable;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>A policy, what a JSON Schema has to say to it, and every line that the reader has to report, in
/// order.</summary>
/// <param name="Name">What is wrong with it.</param>
/// <param name="Schema"><c>accepts</c> or <c>refuses</c>; null where there is no JSON of it.</param>
/// <param name="Yaml">The policy.</param>
/// <param name="Expected">Lines such as <c>2,8 PTG1009 'model' is ...</c>; none for a policy that is right.</param>
internal sealed record PolicyCase(string Name, string? Schema, string Yaml, ImmutableArray<string> Expected);

/// <summary>The table of <c>policies.txt</c>, whose head says how it is written.</summary>
internal static class PolicyCases
{
    private static readonly ImmutableDictionary<string, PolicyCase> All = File.ReadAllText(
            Path.Combine(Fixtures.Repository, "tests/PostTrainGate.Tests/Policy/policies.txt")
        )
        .Split("\n=== ")[1..]
        .Select(Parse)
        .ToImmutableDictionary(c => c.Name);

    public static TheoryData<string> Names => [.. All.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Those that are YAML that becomes JSON.</summary>
    public static TheoryData<string> NamesWithSchema =>
        [.. All.Keys.Where(n => All[n].Schema is not null).Order(StringComparer.Ordinal)];

    public static IEnumerable<string> Valid => All.Values.Where(c => c.Expected.IsEmpty).Select(c => c.Yaml);

    public static PolicyCase Find(string name) => All[name];

    /// <summary>The table with the lines that the reader reports now.</summary>
    public static string WithLines(string table, Func<string, IEnumerable<string>> lines)
    {
        var blocks = table.Split("\n=== ");
        for (var i = 1; i < blocks.Length; i++)
        {
            var (before, expected) = Cut(blocks[i], ">>>\n");
            var end = expected[expected.TrimEnd('\n').Length..];
            var reported = string.Join('\n', lines(Parse(blocks[i]).Yaml));
            var gap = expected.TrimEnd('\n').Length == 0 && reported.Length > 0 ? "\n" : "";
            blocks[i] = $"{before}>>>\n{reported}{gap}{end}";
        }

        return string.Join("\n=== ", blocks);
    }

    private static PolicyCase Parse(string block)
    {
        var (head, rest) = Cut(block, "\n");
        var (name, schema) = head.Contains(" | ", StringComparison.Ordinal) ? Cut(head, " | ") : (head, null);
        var (text, expected) = Cut(rest, ">>>\n");
        text = text.TrimEnd('\n');
        var yaml = text switch
        {
            ['+', ' ', ..] => $"{PolicyFolder.Minimal}\n{text[2..]}",
            ['~', ' ', ..]
                when Cut(text[2..], " => ") is var (old, @new)
                    && PolicyFolder.Minimal.Contains(old, StringComparison.Ordinal) => PolicyFolder.Minimal.Replace(
                old,
                @new,
                StringComparison.Ordinal
            ),
            ['~', ..] => throw new FormatException($"{name}: the smallest policy lacks what is to be replaced"),
            _ => text,
        };
        return new(name, schema, yaml, [.. expected.Split('\n', StringSplitOptions.RemoveEmptyEntries)]);
    }

    private static (string Before, string After) Cut(string text, string at)
    {
        var i = text.IndexOf(at, StringComparison.Ordinal);
        return i < 0 ? throw new FormatException($"no '{at.Trim()}' in: {text}") : (text[..i], text[(i + at.Length)..]);
    }
}
