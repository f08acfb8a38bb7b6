using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace PostTrainGate.Reading;

/// <summary>
/// Turns the bytes of a policy into nodes that know their places. It works on YamlDotNet's events, not on its
/// representation model,
/// since that stops at the first repeated key, and so that depth and size are bounded before anything is built.
/// </summary>
internal sealed class PolicyYaml
{
    /// <summary>Largest file.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <summary>Deepest nesting, aliases written out.</summary>
    public const int MaxDepth = 32;

    /// <summary>Most nodes, aliases written out.</summary>
    public const int MaxNodes = 10_000;

    /// <summary>Most characters of all scalars, aliases written out.</summary>
    public const int MaxCharacters = 1_000_000;

    private readonly string _file;
    private readonly string[] _lines;
    private readonly Parser _parser;
    private readonly Action<Diagnostic> _report;
    private readonly Dictionary<string, PolicyNode?> _anchors = [];

    private PolicyYaml(string file, string text, Action<Diagnostic> report)
    {
        (_file, _report) = (file, report);
        _lines = text.ReplaceLineEndings("\n").Split('\n');
        _parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
    }

    private ParsingEvent Current => _parser.Current!;

    private SourcePosition Here => At(Current.Start);

    /// <summary>The one document of a file; null when there is none, which was reported.</summary>
    public static PolicyNode? Parse(string file, ReadOnlySpan<byte> bytes, Action<Diagnostic> report)
    {
        try
        {
            return PolicyText.Decode(file, bytes, report) is { } text
                ? new PolicyYaml(file, text, report).Document()
                : null;
        }
        catch (GateException broken)
        {
            foreach (var diagnostic in broken.Diagnostics)
                report(diagnostic);
            return null;
        }
    }

    private PolicyNode? Document()
    {
        Next(); // stream start
        Next();
        if (Current is StreamEnd)
            return Empty();
        Next();
        var node = Node(1);
        Next();
        if (Current is not StreamEnd)
        {
            _report(
                new(
                    DiagnosticCodes.PolicySyntax,
                    "A second document starts here; a policy is one document, so remove this line and "
                        + "what follows.",
                    Here
                )
            );
        }

        return node is ScalarNode { IsNull: true } ? Empty() : node;
    }

    private PolicyNode? Empty()
    {
        _report(
            new(
                DiagnosticCodes.PolicySize,
                "The policy is empty; it needs at least 'version', 'model', 'data' and 'gates'.",
                new(_file, 1, 1)
            )
        );
        return null;
    }

    // Reads the node that starts at the current event and moves past its last one.
    private PolicyNode Node(int depth)
    {
        var start = Here;
        if (depth > MaxDepth)
            throw TooLarge(start, $"is nested deeper than {MaxDepth} levels");
        if (Current is AnchorAlias alias)
            return Alias(alias, depth);
        if (Current is not NodeEvent node)
            throw Broken(null); // of some broken files the parser gives a key without a value, or the like
        if (!node.Tag.IsEmpty && !node.Tag.IsNonSpecific)
        {
            var tag = node.Tag.Value.Replace("tag:yaml.org,2002:", "!!", StringComparison.Ordinal);
            _report(
                new(
                    DiagnosticCodes.PolicyType,
                    $"The tag {Wording.Quote(tag)} is not allowed in a policy; remove it.",
                    start
                )
            );
        }

        var name = node.Anchor.IsEmpty ? null : node.Anchor.Value;
        if (name is not null)
            _anchors[name] = null;
        PolicyNode read = node switch
        {
            Scalar scalar => Scalar(scalar, start),
            SequenceStart => List(start, depth),
            _ => Map(start, depth),
        };
        Bound(read.Extent, depth, start);
        if (name is not null)
            _anchors[name] = read;
        Next();
        return read;
    }

    private static ScalarNode Scalar(Scalar scalar, SourcePosition start) =>
        new(start, scalar.Value, scalar.Style != ScalarStyle.Plain);

    private ListNode List(SourcePosition start, int depth)
    {
        var items = ImmutableArray.CreateBuilder<PolicyNode>();
        var nodes = 0L;
        Next();
        while (Current is not SequenceEnd)
        {
            items.Add(Node(depth + 1));
            BoundNodes(nodes += items[^1].Extent.Nodes, items[^1].Position);
        }

        return new(start, items.ToImmutable());
    }

    private MapNode Map(SourcePosition start, int depth)
    {
        var entries = ImmutableArray.CreateBuilder<(ScalarNode, PolicyNode)>();
        var nodes = 0L;
        Next();
        while (Current is not MappingEnd)
        {
            var at = Here;
            var key = Node(depth + 1);
            var value = Node(depth + 1);
            BoundNodes(nodes += key.Extent.Nodes + value.Extent.Nodes, at);
            if (key is ScalarNode name)
                entries.Add((Placed(name, at), value));
            else
                _report(new(DiagnosticCodes.PolicyType, $"A key is text, not {key.Found}; write 'name: value'.", at));
        }

        return new(start, entries.ToImmutable());
    }

    // A key that is an alias stands where the alias does.
    private static ScalarNode Placed(ScalarNode key, SourcePosition at) =>
        key.Position == at ? key : new(at, key.Text, key.Quoted);

    private PolicyNode Alias(AnchorAlias alias, int depth)
    {
        var (at, name) = (Here, alias.Value.Value);
        if (!_anchors.TryGetValue(name, out var node))
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.PolicySyntax,
                    $"The alias {Wording.Quote("*" + name)} refers to no "
                        + $"anchor; define {Wording.Quote("&" + name)} above it.",
                    at
                )
            );
        if (node is null)
            throw TooLarge(at, $"contains itself through the alias {Wording.Quote("*" + name)}");
        Bound(node.Extent, depth, at);
        Next();
        return node;
    }

    private static void Bound(Extent extent, int depth, SourcePosition at)
    {
        if (extent.Height + depth - 1 > MaxDepth)
            throw TooLarge(at, $"is nested deeper than {MaxDepth} levels");
        BoundNodes(extent.Nodes, at);
        if (extent.Characters > MaxCharacters)
            throw TooLarge(at, $"has more than {MaxCharacters} characters once its aliases are written out");
    }

    private static void BoundNodes(long nodes, SourcePosition at)
    {
        if (nodes > MaxNodes)
            throw TooLarge(at, $"has more than {MaxNodes} values once its aliases are written out");
    }

    private static GateException TooLarge(SourcePosition at, string what) =>
        new(
            new Diagnostic(
                DiagnosticCodes.PolicySize,
                $"The policy {what}; no policy needs that, so write it out plainly.",
                at
            )
        );

    private void Next()
    {
        try
        {
            _parser.MoveNext();
        }
        catch (Exception broken)
        {
            // Besides its own exception the scanner lets others escape on some broken files, such as an unclosed brace
            // before a key.
            throw Broken(broken);
        }
    }

    private GateException Broken(Exception? broken)
    {
        // The parser names a tab only where it ends the line of thought, often at the start of the file.
        var tab = Array.FindIndex(_lines, l => l.TrimStart(' ').StartsWith('\t'));
        if (tab >= 0)
        {
            return new(
                new Diagnostic(
                    DiagnosticCodes.PolicySyntax,
                    "This line is indented by a tab, which YAML does not take; indent it by spaces.",
                    new(_file, tab + 1, _lines[tab].IndexOf('\t', StringComparison.Ordinal) + 1)
                )
            );
        }

        var (at, reason) = broken is YamlException known
            ? (known.Start, Wording.Plain(known.Message, 200).TrimEnd('.', ' '))
            : (_parser.Current?.End ?? Mark.Empty, "it cannot be read on from here");
        return new(new Diagnostic(DiagnosticCodes.PolicySyntax, $"This is not valid YAML: {reason}.", At(at)));
    }

    // What ends with the file has its mark behind it.
    private SourcePosition At(Mark mark) =>
        mark.Line > _lines.Length
            ? new(_file, _lines.Length, _lines[^1].Length + 1)
            : new(_file, (int)Math.Max(1, mark.Line), (int)Math.Max(1, mark.Column));
}
