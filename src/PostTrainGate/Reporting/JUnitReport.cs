using System.Globalization;
using System.Text;
using System.Xml;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>
/// <c>gate-junit.xml</c>: every gate as a test case. A gate that does not hold is a failure, one without a verdict is
/// skipped, or a failure where the policy demands a verdict.
/// </summary>
public sealed class JUnitReport : IReportWriter
{
    /// <inheritdoc/>
    public string Name => "junit";

    /// <inheritdoc/>
    public string FileName => "gate-junit.xml";

    /// <inheritdoc/>
    public string Summary => "Every gate as a test case, for the test tab of a build server.";

    /// <inheritdoc/>
    public bool Always => false;

    /// <inheritdoc/>
    public string Mark => "<testsuites name=\"PostTrainGate ";

    /// <inheritdoc/>
    public string Render(GateResult result)
    {
        var cases = result.Gates.Select(g => (Gate: g, Ending: End(result, g))).ToArray();
        var times = result.Run is { GateSeconds: { IsEmpty: false } seconds } ? seconds : [];
        var text = new StringBuilder();
        using (
            var xml = XmlWriter.Create(
                text,
                new XmlWriterSettings
                {
                    Indent = true,
                    NewLineChars = "\n",
                    OmitXmlDeclaration = true,
                }
            )
        )
        {
            xml.WriteStartElement("testsuites");
            Totals();
            xml.WriteStartElement("testsuite");
            Totals();
            xml.WriteAttributeString("skipped", Count(Ending.Skipped));
            foreach (var (i, (gate, ending)) in cases.Index())
                Case(xml, result, gate, ending, times.ElementAtOrDefault(i));
            if (result.Repair is { } repair)
                xml.WriteElementString("system-out", string.Join('\n', Repair(repair)));
            xml.WriteEndElement();
            xml.WriteEndElement();

            void Totals()
            {
                xml.WriteAttributeString("name", $"PostTrainGate {Untrusted.Clean(result.Policy)}");
                xml.WriteAttributeString("tests", Text(cases.Length));
                xml.WriteAttributeString("failures", Count(Ending.Failed));
                xml.WriteAttributeString("errors", "0");
                xml.WriteAttributeString("time", Text(Math.Round(result.Seconds, 3)));
                if (result.Run is { } run)
                    xml.WriteAttributeString(
                        "timestamp",
                        run.Started.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture)
                    );
            }
        }

        return $"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{text}\n";

        string Count(Ending ending) => Text(cases.Count(c => c.Ending == ending));
    }

    private static void Case(XmlWriter xml, GateResult result, GateReport gate, Ending ending, double seconds)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("classname", Untrusted.Clean(result.Policy));
        xml.WriteAttributeString("name", Untrusted.Clean(gate.Title));
        xml.WriteAttributeString("time", Text(seconds));
        var message = Untrusted.Clean(Message(gate), 2000);
        if (ending != Ending.Passed)
        {
            xml.WriteStartElement(ending == Ending.Failed ? "failure" : "skipped");
            xml.WriteAttributeString("message", message);
            if (ending == Ending.Failed)
            {
                xml.WriteAttributeString("type", gate.Original.Verdict.ToString());
                xml.WriteString(Untrusted.Clean(gate.Position.ToString()));
            }

            xml.WriteEndElement();
        }

        xml.WriteElementString("system-out", message);
        xml.WriteEndElement();
    }

    private static string Message(GateReport gate)
    {
        var text = $"{Outcomes.Words(gate)}: {GateText.Value(gate.Original)}, must be {gate.Threshold}";
        if (GateText.Effort(gate.Original) is { Length: > 0 } effort)
            text += $" ({effort})";
        return gate.Repaired is { } repaired
            ? $"{text}; repaired model: {Outcomes.Words(repaired.Verdict)}, {GateText.Value(repaired)}"
            : text;
    }

    // Of the whole suite: a repair is of no single gate.
    private static IEnumerable<string> Repair(RepairSummary repair)
    {
        string?[] lines =
        [
            $"Repair: {repair.Reason}",
            ResultText.Cost(repair) is { } cost ? $"Accuracy: {cost}." : null,
            HarmText.Nothing(repair),
            .. HarmText.Worsened(repair).Select(h => $"Worse: {HarmText.Line(h)}"),
            GateText.StoppedEarly(repair),
        ];
        return lines.OfType<string>().Select(l => Untrusted.Clean(l, 2000));
    }

    private static Ending End(GateResult result, GateReport gate) =>
        gate.Original.Verdict switch
        {
            Verdict.Pass => Ending.Passed,
            Verdict.Fail when gate.Severity == Severity.Error => Ending.Failed,
            Verdict.Fail => Ending.Skipped, // it only warns
            // Diagnostics carry what the policy makes of a gate without a verdict.
            _ => result.Diagnostics.Any(d => d.Severity == Severity.Error && d.Position == gate.Position)
                ? Ending.Failed
                : Ending.Skipped,
        };

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    private enum Ending
    {
        Passed,
        Failed,
        Skipped,
    }
}
